/*
 * mark.h - the words of step type "mark": the sockets of one process carry a mark
 * (base/sockmark.h), for as long as a helper sees to it.
 *
 * OBJECT is "PID@START NAME": the process, and a name of its own with the run and the attack in it.
 * STATE is "clear"; "0xVALUE/0xMASK", with " new=CGROUP" when sockets that the process makes later
 * are marked as they are made, by a program at that cgroup; or "left": the helper is gone, and
 * sockets still carry the value.
 *
 * One step is all sockets of the process, however many: a socket is changed only when its bits in
 * the mask are 0, so what each was before is known without a word for each, and the slot and the
 * helper's card, both written before the first socket is changed, are the log of all of them. The
 * value is that of the process. While several attacks want it, the helper of each sees to it; who
 * goes last takes it off.
 *
 * Taken off are also sockets that have come to other processes meanwhile (a connection that a child
 * serves). What waits in a listener's queue belongs to nobody yet: it is waited for a short while,
 * then told as residue, and `squall undo` tries again.
 */
#ifndef SQUALL_STEP_MARK_H
#define SQUALL_STEP_MARK_H

#include "base/sockmark.h"
#include "step/step.h"

/* n: of the attack and the target, as for held_name(). */
void mark_object_format(struct proc_id, const char *run, unsigned n, struct buf *to);
/* cgroup: where new sockets are marked as they are made; NULL: they are looked for. */
void mark_state_format(struct proc_id, const char *cgroup, struct buf *to);

#endif
