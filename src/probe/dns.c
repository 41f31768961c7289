/* dns: asks a name server. */
#include "io/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "io/dns-answer.h"
#include "probe/doc.h"
#include "probe/probe.h"

enum { ANSWERS_MAX = 1000 };

struct dns_args {
	const char *name, *type, *server, *transport;
	uint64_t timeout_ns;
};

struct look {
	struct loop *loop;
	look_done *done;
	void *ctx;
	const struct dns_args *args;
	uint64_t due_ns;
	char reverse[80];
	struct dns *asking;
	bool tcp, was_cut;
};

/* The records of an answer, as fields. */
struct records {
	unsigned type;
	json_t *answers, *aliases;
	uint64_t count, ttl_s;
	bool any;
};

static int record_add(void *ctx, const struct dns_record *r)
{
	struct records *s = ctx;
	if (r->type == s->type && s->count++ < ANSWERS_MAX)
		(void)json_array_append_new(s->answers, json_string(r->text));
	else if (r->type != s->type && r->type == dns_type("CNAME"))
		(void)json_array_append_new(s->aliases, json_string(r->text));
	else if (r->type != s->type)
		return 0;
	if (!s->any || r->ttl_s < s->ttl_s)
		s->ttl_s = r->ttl_s;
	s->any = true;
	return 0;
}

static json_t *answer_doc(const struct look *l, const uint8_t *data, size_t n, const char *servers,
                          uint64_t took_ns, struct dns_head *head, struct err *err)
{
	struct records s = {
	        .type = dns_type(l->args->type), .answers = json_array(), .aliases = json_array()};
	json_t *doc = json_object();
	char rcode[16];
	int rc = dns_answer_read(data, n, head, record_add, &s, err);
	if (rc < 0) {
		json_decref(s.answers);
		json_decref(s.aliases);
		json_decref(doc);
		(void)err_wrap(err, rc, "%s", servers);
		return NULL;
	}
	dns_rcode_format(head->rcode, rcode);
	doc_set(doc, "rcode", json_string(rcode));
	doc_set(doc, "answers", s.answers);
	doc_count(doc, "count", s.count);
	doc_set(doc, "aliases", s.aliases);
	if (s.any)
		doc_count(doc, "ttl", s.ttl_s);
	doc_set(doc, "authoritative", json_boolean(head->authoritative));
	doc_set(doc, "truncated", json_boolean(head->truncated || l->was_cut));
	doc_set(doc, "transport", json_string(l->tcp ? "tcp" : "udp"));
	doc_set(doc, "server", json_string(servers));
	doc_count(doc, "bytes", n);
	doc_seconds(doc, "seconds", took_ns);
	return doc;
}

static void look_free(struct look *l)
{
	dns_cancel(l->asking);
	free(l);
}

static int look_ask(struct look *l, struct err *err);

static void answered(void *ctx, const uint8_t *data, size_t n, const char *servers,
                     const struct err *failed)
{
	struct look *l = ctx;
	uint64_t took_ns = clock_boot_ns() - l->due_ns;
	struct dns_head head = {0};
	struct err err = ERR_INIT;
	json_t *doc = NULL;
	l->asking = NULL;
	if (data)
		doc = answer_doc(l, data, n, servers, took_ns, &head, &err);
	else
		err = *failed;
	/* As a resolver does: what did not fit in a packet is asked for again over TCP. */
	if (doc && head.truncated && !l->tcp && !strcmp(l->args->transport, "auto")) {
		json_decref(doc);
		doc = NULL;
		l->tcp = l->was_cut = true;
		if (look_ask(l, &err) == 0)
			return;
	}
	l->done(l->ctx, doc, doc ? NULL : &err);
	look_free(l);
}

static int look_ask(struct look *l, struct err *err)
{
	const struct dns_args *a = l->args;
	struct dns_question q = {
	        .name = l->reverse[0] ? l->reverse : a->name,
	        .type = dns_type(a->type),
	        .server = a->server,
	        .tcp = l->tcp,
	        .until_ns = l->due_ns + a->timeout_ns,
	};
	return dns_start(l->loop, &q, answered, l, &l->asking, err);
}

static int dns_look(struct loop *loop, const struct world *w, const void *args, struct span when,
                    look_done *done, void *ctx, struct look **out, struct err *err)
{
	const struct dns_args *a = args;
	struct look *l = calloc(1, sizeof(*l));
	if (!l)
		return err_sys(err, ENOMEM, "could not ask for \"%.200s\"", a->name);
	*l = (struct look){.loop = loop,
	                   .done = done,
	                   .ctx = ctx,
	                   .args = args,
	                   .due_ns = when.to_ns,
	                   .tcp = !strcmp(a->transport, "tcp")};
	if (!strcmp(a->type, "PTR"))
		(void)dns_reverse_name(a->name, l->reverse);
	int rc = look_ask(l, err);
	if (rc < 0) {
		look_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

static int dns_check(const void *args, struct err *err)
{
	const struct dns_args *a = args;
	char reverse[80];
	if (strcmp(a->type, "PTR") != 0 && dns_reverse_name(a->name, reverse)) {
		(void)err_set(err, -EINVAL, "\"%.100s\" is an address, not a name", a->name);
		return err_hint(err, -EINVAL, "For the name of an address ask for the type PTR.");
	}
	return a->server ? dns_server_check(a->server, err) : 0;
}

#define AT(member) offsetof(struct dns_args, member)
static const struct param dns_params[] = {
        {"name", PARAM_TEXT, AT(name), .flags = PARAM_REQUIRED | PARAM_POSITIONAL,
         .help = "the name that is asked for, in full; with type PTR an address will do"},
        {"type", PARAM_ENUM, AT(type), "A", .flags = PARAM_POSITIONAL,
         .choices = "A|AAAA|CNAME|MX|TXT|NS|SRV|PTR|SOA|CAA",
         .help = "the kind of record that is asked for"},
        {"server", PARAM_TEXT, AT(server),
         .help = "ADDRESS, ADDRESS:PORT or [IPv6]:PORT of the name server; those of the system if "
                 "left out"},
        {"transport", PARAM_ENUM, AT(transport), "auto", .choices = "auto|udp|tcp",
         .help = "auto asks over UDP, and again over TCP when the answer was cut"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "2s", "1ms", "10m",
         .help = "greatest time for it all, counted from when it was due"},
        {NULL},
};

static const struct field dns_fields[] = {
        {"rcode", FIELD_TEXT,
         "the response code: NOERROR, NXDOMAIN (no such name), SERVFAIL, REFUSED, FORMERR, NOTIMP"},
        {"answers", FIELD_LIST,
         "what was answered, as in a zone file: 192.0.2.1, \"10 mail.example.org\" (1000 at most)"},
        {"count", FIELD_NUMBER, "how many records of the type that was asked for"},
        {"aliases", FIELD_LIST, "the names that the name stands for (CNAME), in order"},
        {"ttl", FIELD_SECONDS, "how long the answer may be kept; absent when there is none"},
        {"authoritative", FIELD_BOOL, "whether the server speaks for the zone"},
        {"truncated", FIELD_BOOL, "whether the answer did not fit in a packet"},
        {"transport", FIELD_TEXT, "udp or tcp: how this answer came"},
        {"server", FIELD_TEXT, "who was asked: ADDRESS:PORT; several are joined by \", \""},
        {"bytes", FIELD_BYTES, "size of the answer"},
        {"seconds", FIELD_SECONDS, "time to the answer, from when the look was due"},
        {NULL},
};

static const char *const dns_examples[] = {
        "squall probe dns www.example.org",
        "squall probe dns example.org MX --server 127.0.0.1:5353 --transport tcp",
        "squall probe dns 127.0.0.1 PTR --timeout 500ms",
        NULL,
};

const struct probe probe_dns = {
        .kind =
                {
                        .name = "dns",
                        .summary = "asks a name server and shows its answer",
                        .man = "Asks one question over a socket of its own, without cache, hosts "
                               "file or search "
                               "domains: what a name server says, not what programs make of it. "
                               "The question is "
                               "sent once to each server; a packet that is lost is not sent "
                               "again, so that loss "
                               "is seen.\n"
                               "\n"
                               "NXDOMAIN, SERVFAIL and REFUSED are answers: rcode says which, and "
                               "a look can "
                               "expect them. Nothing in time, a port that is closed or an answer "
                               "that cannot be "
                               "read is a failed look, which is a miss, and crosses an abort "
                               "condition.",
                        .params = dns_params,
                        .args_size = sizeof(struct dns_args),
                        .fields = dns_fields,
                        .examples = dns_examples,
                        .check = dns_check,
                },
        .start = dns_look,
        .cancel = look_free,
};
