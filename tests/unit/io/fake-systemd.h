/*
 * fake-systemd.h - a bus with nothing on it but a manager like that of systemd: it writes down what
 * it is asked and answers, refuses, or says nothing at all.
 *
 * One connection after another, until it is killed. The log has a line for each call:
 * "start NAME.timer NAME.service OnActiveUSec=N argv… env…", "stop NAME.timer", "ping".
 */
#ifndef SQUALL_TEST_FAKE_SYSTEMD_H
#define SQUALL_TEST_FAKE_SYSTEMD_H

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

enum fake_mode { FAKE_ANSWERS, FAKE_REFUSES, FAKE_SILENT };

struct fake {
	enum fake_mode mode;
	FILE *log;
};

static int fake_listen(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(at.sun_path))
		return -1;
	strcpy(at.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0)
		return -1;
	return fd;
}

static void fake_texts(sd_bus_message *m, FILE *log)
{
	char **texts = NULL;

	if (sd_bus_message_read_strv(m, &texts) < 0)
		return;
	for (char **t = texts; t && *t; t++) {
		fprintf(log, " %s", *t);
		free(*t);
	}
	free(texts);
}

/* One property of a unit; the ones that matter are written down, in what systemd takes them for. */
static int fake_property(sd_bus_message *m, FILE *log)
{
	const char *name = NULL, *base = NULL, *path = NULL;
	uint64_t usec;
	int r = sd_bus_message_read_basic(m, 's', &name), ignore;

	if (r < 0)
		return r;
	if (strcmp(name, "TimersMonotonic") == 0) {
		r = sd_bus_message_read(m, "v", "a(st)", 1, &base, &usec);
		if (r >= 0)
			fprintf(log, " %s=%llu", base, (unsigned long long)usec);
		return r;
	}
	if (strcmp(name, "ExecStart") == 0) {
		r = sd_bus_message_enter_container(m, 'v', "a(sasb)");
		r = r < 0 ? r : sd_bus_message_enter_container(m, 'a', "(sasb)");
		r = r < 0 ? r : sd_bus_message_enter_container(m, 'r', "sasb");
		r = r < 0 ? r : sd_bus_message_read_basic(m, 's', &path);
		if (r < 0)
			return r;
		fprintf(log, " exec=%s", path);
		fake_texts(m, log);
		r = sd_bus_message_read_basic(m, 'b', &ignore);
		for (int i = 0; i < 3; i++)
			r = r < 0 ? r : sd_bus_message_exit_container(m);
		return r;
	}
	if (strcmp(name, "Environment") == 0) {
		r = sd_bus_message_enter_container(m, 'v', "as");
		if (r < 0)
			return r;
		fake_texts(m, log);
		return sd_bus_message_exit_container(m);
	}
	return sd_bus_message_skip(m, "v");
}

static int fake_properties(sd_bus_message *m, FILE *log)
{
	int r = sd_bus_message_enter_container(m, 'a', "(sv)");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sv")) > 0) {
		r = fake_property(m, log);
		r = r < 0 ? r : sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int fake_start(sd_bus_message *m, FILE *log)
{
	const char *timer, *mode, *service;
	int r = sd_bus_message_read(m, "ss", &timer, &mode);

	if (r < 0)
		return r;
	fprintf(log, "start %s", timer);
	r = fake_properties(m, log);
	r = r < 0 ? r : sd_bus_message_enter_container(m, 'a', "(sa(sv))");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sa(sv)")) > 0) {
		r = sd_bus_message_read_basic(m, 's', &service);
		if (r < 0)
			return r;
		fprintf(log, " %s", service);
		r = fake_properties(m, log);
		r = r < 0 ? r : sd_bus_message_exit_container(m);
	}
	r = r < 0 ? r : sd_bus_message_exit_container(m);
	fprintf(log, "\n");
	return r;
}

static int fake_call(sd_bus_message *m, void *ctx, sd_bus_error *err)
{
	struct fake *f = ctx;
	const char *text = "";
	int r = 0;

	if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus", "Hello"))
		return f->mode == FAKE_SILENT ? 1 : sd_bus_reply_method_return(m, "s", ":1.1");
	if (sd_bus_message_is_method_call(m, NULL, "Ping"))
		fprintf(f->log, "ping\n");
	else if (sd_bus_message_is_method_call(m, NULL, "StartTransientUnit"))
		r = fake_start(m, f->log);
	else if (sd_bus_message_is_method_call(m, NULL, "StopUnit") &&
	         (r = sd_bus_message_read(m, "s", &text)) >= 0)
		fprintf(f->log, "stop %s\n", text);
	if (r < 0)
		fprintf(f->log, "malformed: %s\n", strerror(-r));
	fflush(f->log);
	if (f->mode == FAKE_SILENT)
		return 1;
	if (r < 0 || f->mode == FAKE_REFUSES)
		return sd_bus_reply_method_errorf(m, "org.freedesktop.DBus.Error.AccessDenied",
		                                  "the test says no");
	if (strncmp(text, "gone", 4) == 0)
		return sd_bus_reply_method_errorf(m, "org.freedesktop.systemd1.NoSuchUnit",
		                                  "Unit %s not loaded.", text);
	return sd_bus_message_is_method_call(m, NULL, "Ping")
	               ? sd_bus_reply_method_return(m, "")
	               : sd_bus_reply_method_return(m, "o", "/org/freedesktop/systemd1/job/1");
}

static void fake_serve(int listener, struct fake *f)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		sd_bus *bus = NULL;
		sd_id128_t id;

		if (fd < 0 || sd_bus_new(&bus) < 0 || sd_id128_randomize(&id) < 0 ||
		    sd_bus_set_fd(bus, fd, fd) < 0 || sd_bus_set_server(bus, 1, id) < 0 ||
		    sd_bus_set_anonymous(bus, 1) < 0 ||
		    sd_bus_add_filter(bus, NULL, fake_call, f) < 0 || sd_bus_start(bus) < 0)
			exit(1);
		for (int r = 1; r >= 0;) {
			r = sd_bus_process(bus, NULL);
			if (r == 0)
				r = sd_bus_wait(bus, UINT64_MAX);
		}
		sd_bus_unref(bus);
	}
}

#endif
