/* fake-systemd SOCKET LOG [refuses | silent]: serves until it is killed. */
#include "fake-systemd.h"

int main(int argc, char **argv)
{
	struct fake f = {.mode = FAKE_ANSWERS};
	int listener;

	if (argc < 3)
		return 2;
	if (argc > 3)
		f.mode = strcmp(argv[3], "silent") == 0 ? FAKE_SILENT : FAKE_REFUSES;
	f.log = fopen(argv[2], "we");
	listener = fake_listen(argv[1]);
	if (!f.log || listener < 0)
		return 1;
	fake_serve(listener, &f);
	return 0;
}
