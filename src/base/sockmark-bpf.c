/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* sockmark-bpf.c - marks new sockets of one process: the program, instruction by instruction. */
#include "base/sockmark-bpf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sockmark.h"

/* of the first namespace of processes (include/uapi/linux/nsfs.h, PID_NS_INIT_INO) */
#define FIRST_PIDNS 0xeffffffcu

#define INSN(op, dst, src, offset, value)          \
	((struct bpf_insn){.code = (op),           \
	                   .dst_reg = (dst),       \
	                   .src_reg = (src),       \
	                   .off = (short)(offset), \
	                   .imm = (int)(value)})

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* What bpf_get_current_pid_tgid() says are numbers of the first namespace. */
static bool numbers_are_the_kernels(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == FIRST_PIDNS;
}

int sockmark_bpf_load(pid_t pid, uint32_t mark, struct err *err)
{
	enum { MARK = offsetof(struct bpf_sock, mark) };
	const struct bpf_insn program[] = {
	        INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0),
	        INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_current_pid_tgid),
	        INSN(BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, 32),
	        /* another process: to the end */
	        INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 4, pid),
	        INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_6, MARK, 0),
	        /* its bits are in use: to the end */
	        INSN(BPF_JMP | BPF_JSET | BPF_K, BPF_REG_1, 0, 2, SOCKMARK_MASK),
	        INSN(BPF_ALU64 | BPF_OR | BPF_K, BPF_REG_1, 0, 0, mark),
	        INSN(BPF_STX | BPF_MEM | BPF_W, BPF_REG_6, BPF_REG_1, MARK, 0),
	        /* 1: the socket may be made */
	        INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1),
	        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr;

	if (!numbers_are_the_kernels())
		return err_set(err, -EOPNOTSUPP, "processes have other numbers to the kernel");
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_SOCK;
	attr.expected_attach_type = BPF_CGROUP_INET_SOCK_CREATE;
	attr.insns = (uint64_t)(uintptr_t)program;
	attr.insn_cnt = ARRAY_SIZE(program);
	attr.license = (uint64_t)(uintptr_t) "GPL";
	(void)text_copy(attr.prog_name, sizeof(attr.prog_name), "squall_mark");
	int fd = bpf(BPF_PROG_LOAD, &attr);
	return fd < 0 ? err_sys(err, errno, "cannot load a BPF program that marks sockets") : fd;
}

int sockmark_bpf_attach(const struct world *w, int program, const char *cgroup, struct err *err)
{
	_cleanup_fd_ int dir = world_openat(w, cgroup, O_RDONLY | O_DIRECTORY);
	union bpf_attr attr;

	if (dir < 0)
		return err_sys(err, -dir, "could not open cgroup \"%s\"", cgroup);
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_fd = (uint32_t)dir;
	attr.link_create.attach_type = BPF_CGROUP_INET_SOCK_CREATE;
	int fd = bpf(BPF_LINK_CREATE, &attr);
	return fd < 0 ? err_sys(err, errno, "cannot attach a BPF program to cgroup \"%s\"", cgroup)
	              : fd;
}
