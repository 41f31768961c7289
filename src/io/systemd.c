/* systemd.c - has systemd run a command later, whatever becomes of this process. */
#include "io/systemd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef SQUALL_SYSTEMD
#include <systemd/sd-bus.h>

#include "base/clock.h"
#endif

enum { NAME_CAP = 128 };

bool systemd_is_init(const struct world *w)
{
	return world_exists(w, "/run/systemd/system");
}

#ifdef SQUALL_SYSTEMD

static const char destination[] = "org.freedesktop.systemd1";
static const char object[] = "/org/freedesktop/systemd1";
static const char manager[] = "org.freedesktop.systemd1.Manager";

const char *systemd_version(void)
{
	return SQUALL_SYSTEMD;
}

static void bus_close(sd_bus **bus)
{
	sd_bus_close_unref(*bus); /* what was asked was answered, or will not be: no flush */
}

static void message_release(sd_bus_message **m)
{
	sd_bus_message_unref(*m);
}

/* sd_bus_call() would wait for a bus that greets nobody as long as it takes. */
static int manager_open(sd_bus **bus, struct err *err)
{
	uint64_t until = clock_boot_ns() + SYSTEMD_WAIT_NS, now;
	int r = geteuid() == 0 ? sd_bus_open_system(bus) : sd_bus_open_user(bus);

	while (r >= 0 && (r = sd_bus_is_ready(*bus)) == 0) {
		now = clock_boot_ns();
		r = now < until ? sd_bus_process(*bus, NULL) : -ETIMEDOUT;
		if (r == 0)
			r = sd_bus_wait(*bus, (until - now) / 1000);
		if (r == -EINTR)
			r = 0;
	}
	return r < 0 ? err_sys(err, -r, "could not reach the bus of systemd") : 0;
}

/* Sends the message and waits for its answer. */
static int message_call(sd_bus *bus, sd_bus_message *m, const char *doing, struct err *err)
{
	sd_bus_error said = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(bus, m, SYSTEMD_WAIT_NS / 1000, &said, NULL);

	if (r < 0)
		(void)err_set(err, r, "could not %s: %s", doing,
		              said.message ? said.message : err_text(-r));
	sd_bus_error_free(&said);
	return r < 0 ? r : 0;
}

int systemd_ping(struct err *err)
{
	sd_bus *bus cleanup(bus_close) = NULL;
	sd_bus_message *m cleanup(message_release) = NULL;
	int r = manager_open(&bus, err);

	if (r < 0)
		return r;
	r = sd_bus_message_new_method_call(bus, &m, destination, object,
	                                   "org.freedesktop.DBus.Peer", "Ping");
	return r < 0 ? err_sys(err, -r, "could not ask systemd")
	             : message_call(bus, m, "ask systemd", err);
}

/* org.freedesktop.systemd1(5): StartTransientUnit(name, mode, properties, auxiliary units). */
static int timer_fill(sd_bus_message *m, const struct systemd_timer *t, const char *timer,
                      const char *service)
{
	int r = sd_bus_message_append(m, "ss", timer, "fail");

	r = r < 0 ? r : sd_bus_message_open_container(m, 'a', "(sv)");
	r = r < 0 ? r : sd_bus_message_append(m, "(sv)", "Description", "s", t->says);
	r = r < 0 ? r
	          : sd_bus_message_append(m, "(sv)", "TimersMonotonic", "a(st)", 1, "OnActiveUSec",
	                                  t->after_ns / 1000);
	r = r < 0 ? r : sd_bus_message_append(m, "(sv)", "AccuracyUSec", "t", (uint64_t)100000);
	/* both units are forgotten once they are done, also when the command failed */
	r = r < 0 ? r : sd_bus_message_append(m, "(sv)", "RemainAfterElapse", "b", 0);
	r = r < 0 ? r : sd_bus_message_append(m, "(sv)", "CollectMode", "s", "inactive-or-failed");
	r = r < 0 ? r : sd_bus_message_close_container(m);
	r = r < 0 ? r : sd_bus_message_open_container(m, 'a', "(sa(sv))");
	r = r < 0 ? r : sd_bus_message_open_container(m, 'r', "sa(sv)");
	r = r < 0 ? r : sd_bus_message_append(m, "s", service);
	return r < 0 ? r : sd_bus_message_open_container(m, 'a', "(sv)");
}

static int service_fill(sd_bus_message *m, const struct systemd_timer *t)
{
	int r = sd_bus_message_append(m, "(sv)", "Description", "s", t->says);

	r = r < 0 ? r : sd_bus_message_append(m, "(sv)", "Type", "s", "oneshot");
	r = r < 0 ? r : sd_bus_message_open_container(m, 'r', "sv");
	r = r < 0 ? r : sd_bus_message_append(m, "s", "Environment");
	r = r < 0 ? r : sd_bus_message_open_container(m, 'v', "as");
	r = r < 0 ? r : sd_bus_message_append_strv(m, (char **)t->env);
	r = r < 0 ? r : sd_bus_message_close_container(m);
	r = r < 0 ? r : sd_bus_message_close_container(m);
	r = r < 0 ? r : sd_bus_message_open_container(m, 'r', "sv");
	r = r < 0 ? r : sd_bus_message_append(m, "s", "ExecStart");
	r = r < 0 ? r : sd_bus_message_open_container(m, 'v', "a(sasb)");
	r = r < 0 ? r : sd_bus_message_open_container(m, 'a', "(sasb)");
	r = r < 0 ? r : sd_bus_message_open_container(m, 'r', "sasb");
	r = r < 0 ? r : sd_bus_message_append(m, "s", t->argv[0]);
	r = r < 0 ? r : sd_bus_message_append_strv(m, (char **)t->argv);
	r = r < 0 ? r : sd_bus_message_append(m, "b", 0);
	/* the command, the list of commands, the variant, the property; then the properties, the
	 * unit, the list of units */
	for (int i = 0; i < 7; i++)
		r = r < 0 ? r : sd_bus_message_close_container(m);
	return r;
}

int systemd_timer_start(const struct systemd_timer *t, struct err *err)
{
	sd_bus *bus cleanup(bus_close) = NULL;
	sd_bus_message *m cleanup(message_release) = NULL;
	char timer[NAME_CAP], service[NAME_CAP];
	int r = manager_open(&bus, err);

	if (r < 0)
		return r;
	snprintf(timer, sizeof(timer), "%.100s.timer", t->name);
	snprintf(service, sizeof(service), "%.100s.service", t->name);
	r = sd_bus_message_new_method_call(bus, &m, destination, object, manager,
	                                   "StartTransientUnit");
	r = r < 0 ? r : timer_fill(m, t, timer, service);
	r = r < 0 ? r : service_fill(m, t);
	if (r < 0)
		return err_sys(err, -r, "could not put the timer of systemd into words");
	return message_call(bus, m, "start a timer of systemd", err);
}

int systemd_timer_stop(const char *name, struct err *err)
{
	sd_bus *bus cleanup(bus_close) = NULL;
	sd_bus_message *m cleanup(message_release) = NULL;
	sd_bus_error said = SD_BUS_ERROR_NULL;
	char timer[NAME_CAP];
	int r = manager_open(&bus, err);

	if (r < 0)
		return r;
	snprintf(timer, sizeof(timer), "%.100s.timer", name);
	r = sd_bus_message_new_method_call(bus, &m, destination, object, manager, "StopUnit");
	r = r < 0 ? r : sd_bus_message_append(m, "ss", timer, "fail");
	if (r < 0)
		return err_sys(err, -r, "could not ask systemd");
	r = sd_bus_call(bus, m, SYSTEMD_WAIT_NS / 1000, &said, NULL);
	/* it has struck, or was stopped by somebody else */
	if (r < 0 && sd_bus_error_has_name(&said, "org.freedesktop.systemd1.NoSuchUnit"))
		r = 0;
	if (r < 0)
		(void)err_set(err, r, "could not stop the timer of systemd \"%s\": %s", timer,
		              said.message ? said.message : err_text(-r));
	sd_bus_error_free(&said);
	return r < 0 ? r : 0;
}

#else

const char *systemd_version(void)
{
	return NULL;
}

int systemd_ping(struct err *err)
{
	return err_set(err, -ENOSYS, "this squall was built without systemd");
}

int systemd_timer_start(const struct systemd_timer *t, struct err *err)
{
	return systemd_ping(err);
}

int systemd_timer_stop(const char *name, struct err *err)
{
	return systemd_ping(err);
}

#endif
