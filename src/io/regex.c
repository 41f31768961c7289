/* Regular expressions: PCRE2 with limits. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "io/regex.h"

#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>

enum { MATCH_LIMIT = 200000, DEPTH_LIMIT = 1000, PATTERN_MAX = 4096 };

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
};

struct regex *regex_new(const char *pattern, struct err *err)
{
	int code = 0;
	PCRE2_SIZE at = 0;
	struct regex *r = calloc(1, sizeof(*r));
	pcre2_compile_context *bounds = pcre2_compile_context_create(NULL);
	if (r && bounds) {
		(void)pcre2_set_max_pattern_length(bounds, PATTERN_MAX);
		r->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
		                        PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &at,
		                        bounds);
	}
	pcre2_compile_context_free(bounds);
	if (r && r->code) {
		r->data = pcre2_match_data_create_from_pattern(r->code, NULL);
		r->limits = pcre2_match_context_create(NULL);
	}
	if (r && r->data && r->limits) {
		(void)pcre2_set_match_limit(r->limits, MATCH_LIMIT);
		(void)pcre2_set_depth_limit(r->limits, DEPTH_LIMIT);
		return r;
	}
	if (r && !r->code && code) {
		PCRE2_UCHAR why[120] = "";
		(void)pcre2_get_error_message(code, why, sizeof(why));
		(void)err_set(err, -EINVAL, "\"%.200s\" is not a pattern: %s (at offset %zu)",
		              pattern, (char *)why, (size_t)at);
	} else {
		(void)err_sys(err, ENOMEM, "could not compile a pattern");
	}
	regex_free(r);
	return NULL;
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_match_context_free(r->limits);
	pcre2_match_data_free(r->data);
	pcre2_code_free(r->code);
	free(r);
}

int regex_matches(const struct regex *r, const char *text, size_t n)
{
	int rc = pcre2_match(r->code, (PCRE2_SPTR)text, n, 0, 0, r->data, r->limits);
	if (rc >= 0)
		return 1;
	if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
	    rc == PCRE2_ERROR_HEAPLIMIT)
		return -E2BIG;
	return 0;
}
