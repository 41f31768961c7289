/* http: asks a web server, as a probe and as an action. */
#include "io/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "io/loop.h"
#include "probe/doc.h"
#include "probe/probe.h"

struct http_args {
	const char *url, *method, *version, *ca, *cert, *key, *unix_socket, *proxy;
	struct text_map headers;
	struct text_list resolve;
	json_t *body;
	uint64_t timeout_ns, connect_timeout_ns, redirects, max_body;
	bool insecure, keep_alive;
};

struct look {
	struct http *http;
	char **headers;
	size_t headers_n;
	char *url;
	look_done *done;
	void *ctx;
	bool deed; /* an action: a refusal is a failure */
};

static void look_free(struct look *l)
{
	for (size_t i = 0; i < l->headers_n; i++)
		free(l->headers[i]);
	free(l->headers);
	free(l->url);
	free(l);
}

static bool says_json(const json_t *headers)
{
	const char *type = json_string_value(json_object_get(headers, "content-type"));
	if (!type)
		return false;
	size_t n = strcspn(type, "; ");
	return (n >= 5 && !strncasecmp(type + n - 5, "/json", 5)) ||
	       (n >= 5 && !strncasecmp(type + n - 5, "+json", 5));
}

static json_t *answer_doc(const struct http_answer *a)
{
	json_t *doc = json_object();
	if (!doc)
		return NULL;
	doc_set(doc, "status", json_integer(a->status));
	doc_seconds(doc, "seconds", a->took_ns);
	doc_seconds(doc, "connect-seconds", a->connect_ns);
	if (a->tls_ns)
		doc_seconds(doc, "tls-seconds", a->tls_ns);
	doc_seconds(doc, "first-byte-seconds", a->first_byte_ns);
	doc_set(doc, "bytes", json_integer((json_int_t)a->bytes));
	doc_set(doc, "headers", json_incref(a->headers));
	doc_text(doc, "body", a->body, a->body_n, a->cut);
	doc_set(doc, "truncated", json_boolean(a->cut));
	if (!a->cut)
		doc_json(doc, a->body, a->body_n, says_json(a->headers));
	doc_set(doc, "redirects", json_integer(a->redirects));
	doc_set(doc, "address", json_string(a->address));
	doc_set(doc, "version", json_string(a->version));
	return doc;
}

static void http_heard(void *ctx, const struct http_answer *a, const struct err *failed)
{
	struct look *l = ctx;
	struct err err = ERR_INIT;
	json_t *doc = NULL;
	if (!a) {
		err = *failed;
	} else if (l->deed && a->status >= 400) {
		(void)err_set(&err, -EREMOTEIO, "\"%.300s\" answered with status %u", l->url,
		              a->status);
	} else {
		doc = answer_doc(a);
		if (!doc)
			(void)err_sys(&err, ENOMEM, "could not keep the answer of \"%.300s\"",
			              l->url);
	}
	l->done(l->ctx, doc, doc ? NULL : &err);
	look_free(l);
}

static int headers_make(struct look *l, const struct http_args *a, bool json, struct err *err)
{
	l->headers = calloc(a->headers.n + 1, sizeof(*l->headers));
	if (!l->headers)
		return err_sys(err, ENOMEM, "could not make a request");
	bool typed = false;
	for (size_t i = 0; i < a->headers.n; i++) {
		const struct text_pair *p = &a->headers.v[i];
		size_t n = strlen(p->key) + strlen(p->value) + 3;
		struct buf line;
		char *text = malloc(n);
		if (!text)
			return err_sys(err, ENOMEM, "could not make a request");
		buf_init(&line, text, n);
		/* libcurl: "Name;" is an empty header, "Name:" takes one away. */
		buf_addf(&line, p->value[0] ? "%s: %s" : "%s;", p->key, p->value);
		l->headers[l->headers_n++] = text;
		typed |= !strcasecmp(p->key, "content-type");
	}
	if (json && !typed) {
		l->headers[l->headers_n] = strdup("Content-Type: application/json");
		if (!l->headers[l->headers_n])
			return err_sys(err, ENOMEM, "could not make a request");
		l->headers_n++;
	}
	return 0;
}

static enum http_version version_of(const char *text)
{
	return !strcmp(text, "1.0")   ? HTTP_1_0
	       : !strcmp(text, "1.1") ? HTTP_1_1
	       : !strcmp(text, "2")   ? HTTP_2
	                              : HTTP_ANY;
}

static int look_begin(struct loop *loop, const struct http_args *a, uint64_t due_ns, bool deed,
                      look_done *done, void *ctx, struct look **out, struct err *err)
{
	struct look *l = calloc(1, sizeof(*l));
	if (!l)
		return err_sys(err, ENOMEM, "could not make a request");
	*l = (struct look){.done = done, .ctx = ctx, .deed = deed, .url = strdup(a->url)};
	/* A text goes as it is, anything else as JSON. */
	bool json = a->body && !json_is_string(a->body);
	char *made = json ? json_dumps(a->body, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	const char *body = json ? made : json_string_value(a->body);
	int rc = l->url && (made || !json) ? headers_make(l, a, json, err)
	                                   : err_sys(err, ENOMEM, "could not make a request");
	struct http_request r = {
	        .method = a->method,
	        .url = a->url,
	        .headers = (const char *const *)l->headers,
	        .headers_n = l->headers_n,
	        .body = body,
	        .body_n = body ? strlen(body) : 0,
	        .since_ns = due_ns,
	        .timeout_ns = a->timeout_ns,
	        .connect_timeout_ns = a->connect_timeout_ns,
	        .redirects = a->redirects,
	        .insecure = a->insecure,
	        .ca = a->ca,
	        .cert = a->cert,
	        .key = a->key,
	        .version = version_of(a->version),
	        .resolve = a->resolve.v,
	        .resolve_n = a->resolve.n,
	        .unix_socket = a->unix_socket,
	        .proxy = a->proxy,
	        .keep_alive = a->keep_alive,
	        .body_max = a->max_body,
	};
	if (rc == 0)
		rc = http_start(loop, &r, http_heard, l, &l->http, err);
	free(made);
	if (rc < 0) {
		look_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

static int http_look(struct loop *loop, const struct world *w, const void *args, struct span when,
                     look_done *done, void *ctx, struct look **out, struct err *err)
{
	return look_begin(loop, args, when.to_ns, false, done, ctx, out, err);
}

static int http_act(struct loop *loop, const struct world *w, const void *args, look_done *done,
                    void *ctx, struct deed **out, struct err *err)
{
	struct look *l = NULL;
	int rc = look_begin(loop, args, 0, true, done, ctx, &l, err);
	if (rc == 0)
		*out = (struct deed *)l;
	return rc;
}

static void http_leave(struct look *l)
{
	http_cancel(l->http);
	look_free(l);
}

static void http_drop(struct deed *d)
{
	http_leave((struct look *)d);
}

static int http_check(const void *args, struct err *err)
{
	const struct http_args *a = args;
	int rc = http_url_check(a->url, err);
	if (rc < 0)
		return rc;
	if (a->method && a->method[strspn(a->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")])
		return err_set(err, -EINVAL, "\"%.60s\" is not a method", a->method);
	for (size_t i = 0; i < a->headers.n; i++) {
		const char *key = a->headers.v[i].key;
		if (!key[0] || strpbrk(key, ": \t\r\n;") || strpbrk(a->headers.v[i].value, "\r\n"))
			return err_set(err, -EINVAL, "\"%.100s\" cannot be a header", key);
	}
	for (size_t i = 0; i < a->resolve.n; i++) {
		const char *colon = strchr(a->resolve.v[i], ':');
		if (!colon || !strchr(colon + 1, ':'))
			return err_set(err, -EINVAL, "\"%.200s\" is not HOST:PORT:ADDRESS",
			               a->resolve.v[i]);
	}
	if (!a->cert != !a->key)
		return err_set(err, -EINVAL, "`cert` and `key` go together");
	return 0;
}

#define AT(member) offsetof(struct http_args, member)
static const struct param http_params[] = {
        {"url", PARAM_TEXT, AT(url), .flags = PARAM_REQUIRED | PARAM_POSITIONAL,
         .help = "what is asked, with its scheme: http://HOST:PORT/PATH or https://…"},
        {"method", PARAM_TEXT, AT(method), .help = "GET, or POST with a body, if left out"},
        {"headers", PARAM_MAP, AT(headers), .help = "headers to send, name to value"},
        {"body", PARAM_DOC, AT(body),
         .help = "what is sent: a text as it is, a map or list as JSON"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "5s", "1ms", "10m",
         .help = "greatest time for the whole answer, counted from when it was due"},
        {"connect-timeout", PARAM_DURATION, AT(connect_timeout_ns), NULL, "1ms", "10m",
         .help = "greatest time for the connection; as timeout if left out"},
        {"redirects", PARAM_COUNT, AT(redirects), "0", "0", "20",
         .help = "how many redirects are followed; 0 shows the first answer as it is"},
        {"max-body", PARAM_SIZE, AT(max_body), "1MiB", "0", "64MiB",
         .help = "how much of the body is read; what is larger is cut off and marked truncated"},
        {"keep-alive", PARAM_BOOL, AT(keep_alive), "false",
         .help = "use a connection again; otherwise each look makes its own and asks the resolver"},
        {"http-version", PARAM_ENUM, AT(version), "any", .choices = "any|1.0|1.1|2",
         .help = "which version of HTTP to speak"},
        {"insecure", PARAM_BOOL, AT(insecure), "false", .help = "take any certificate"},
        {"ca", PARAM_TEXT, AT(ca), .flags = PARAM_PATH,
         .help = "file with the authorities to trust (PEM), instead of the system's"},
        {"cert", PARAM_TEXT, AT(cert), .flags = PARAM_PATH, .help = "own certificate (PEM)"},
        {"key", PARAM_TEXT, AT(key), .flags = PARAM_PATH,
         .help = "key of the own certificate (PEM)"},
        {"resolve", PARAM_LIST, AT(resolve),
         .help = "HOST:PORT:ADDRESS, instead of asking the resolver"},
        {"unix-socket", PARAM_TEXT, AT(unix_socket), .flags = PARAM_PATH,
         .help = "connect to this socket; the URL's host is only sent"},
        {"proxy", PARAM_TEXT, AT(proxy),
         .help = "URL of a proxy, or environment for what http_proxy and its like say; none if "
                 "left out"},
        {NULL},
};

static const struct field http_fields[] = {
        {"status", FIELD_NUMBER, "status code of the answer"},
        {"seconds", FIELD_SECONDS, "time to the end of the answer, from when the look was due"},
        {"connect-seconds", FIELD_SECONDS, "time to the connection, from the start of the request"},
        {"tls-seconds", FIELD_SECONDS, "time to the end of the TLS handshake; absent without TLS"},
        {"first-byte-seconds", FIELD_SECONDS, "time to the first byte of the answer"},
        {"bytes", FIELD_BYTES, "size of the body as received"},
        {"headers", FIELD_ANY, "headers of the answer, names in lower case"},
        {"headers.*", FIELD_TEXT, "one header; several of one name are joined by commas"},
        {"body", FIELD_TEXT, "the body, when it is UTF-8 text"},
        {"truncated", FIELD_BOOL, "whether there was more body than max-body"},
        {"json", FIELD_ANY, "the body as a document, when it is JSON"},
        {"json.*", FIELD_ANY, "a member of that document"},
        {"redirects", FIELD_NUMBER, "how many redirects were followed"},
        {"address", FIELD_TEXT, "who answered: ADDRESS:PORT, or the path of a socket"},
        {"version", FIELD_TEXT, "version of HTTP that was spoken: 1.0, 1.1 or 2"},
        {NULL},
};

static const char *const http_probe_examples[] = {
        "squall probe http http://127.0.0.1:8080/health --timeout 500ms",
        "squall probe http https://shop.example/ --resolve shop.example:443:127.0.0.1 --insecure "
        "true",
        "squall probe http http://localhost/containers/json --unix-socket /run/podman/podman.sock",
        NULL,
};

static const char *const http_action_examples[] = {
        "- http: {url: \"http://127.0.0.1:8080/cache/flush\", method: POST}",
        "- http: {url: \"http://127.0.0.1:8080/mode\", method: PUT, body: {mode: read-only}}",
        "- http: {url: \"http://127.0.0.1:9093/api/v2/silences\", body: {comment: drill}, timeout: "
        "2s}",
        NULL,
};

const struct probe probe_http = {
        .kind =
                {
                        .name = "http",
                        .summary = "asks a web server and shows its answer",
                        .man = "Sends one request and waits for the whole answer. Each look makes "
                               "a new "
                               "connection and asks the resolver anew, so that a server which "
                               "takes no "
                               "new connections is seen; keep-alive changes that. Redirects are "
                               "shown, "
                               "not followed, unless redirects says how many. Certificates are "
                               "checked.\n"
                               "\n"
                               "Any status is an answer: say in expect which one is right. Without "
                               "an "
                               "answer (refused, reset, cut short, too slow, no such name, a "
                               "certificate "
                               "that cannot be trusted) the look has failed, and counts as a miss. "
                               "Time "
                               "is counted from when the look was due, so that a server which "
                               "makes "
                               "looks queue up is not flattered. Proxies that the environment "
                               "names are "
                               "not used.",
                        .params = http_params,
                        .args_size = sizeof(struct http_args),
                        .fields = http_fields,
                        .examples = http_probe_examples,
                        .check = http_check,
                },
        .start = http_look,
        .cancel = http_leave,
};

const struct action action_http = {
        .kind =
                {
                        .name = "http",
                        .summary = "sends a request to a web server",
                        .man = "Sends one request as part of the method, with the parameters of "
                               "the http "
                               "probe. An answer with status 400 or above, and no answer at all, "
                               "is a "
                               "failed action. What it changed there is not put back by squall.",
                        .params = http_params,
                        .args_size = sizeof(struct http_args),
                        .fields = http_fields,
                        .examples = http_action_examples,
                        .check = http_check,
                },
        .start = http_act,
        .cancel = http_drop,
};
