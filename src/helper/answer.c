/* answer.c - how a helper answers an order. */
#include "helper/answer.h"

#include "base/wire.h"

int answer(int sock, int code, const struct err *err)
{
	struct wire m;
	wire_start(&m, code < 0 ? "err" : "ok");
	int r = code < 0 ? wire_addf(&m, "%d", code) : 0;
	if (code < 0 && r == 0)
		r = wire_add(&m, err->what);
	if (code < 0 && r == 0)
		r = wire_add(&m, err->hint);
	return r == 0 ? wire_send(sock, &m) : r;
}
