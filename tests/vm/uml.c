/*
 * uml.c - starts user-mode-linux where its own way of reading floating point registers fails.
 *
 *   uml LINUX ARGUMENT…
 *
 * The kernel of Debian 12 reads the registers of its processes with PTRACE_GETREGSET into a buffer
 * that is too small for the processors of today (AMX alone needs 8 KiB), and panics. When that
 * request fails it falls back to PTRACE_GETFPREGS, which is enough. So it is made to fail: a
 * seccomp filter, which all of the machine's processes inherit. It cannot be taken off again, which
 * is why this is a program.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	/* the low halves, on the little-endian machines that user-mode-linux knows */
	struct sock_filter filter[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 4),
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PTRACE_GETREGSET, 1, 0),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PTRACE_SETREGSET, 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	if (argc < 2) {
		fprintf(stderr, "usage: uml LINUX ARGUMENT...\n");
		return 2;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0) {
		fprintf(stderr, "uml: could not set the system call filter: %s\n", strerror(errno));
		return 1;
	}
	execv(argv[1], argv + 1);
	fprintf(stderr, "uml: could not run \"%s\": %s\n", argv[1], strerror(errno));
	return 1;
}
