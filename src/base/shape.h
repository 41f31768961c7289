/*
 * shape.h - what the shaper does to the packets that it is given: its words and their meaning.
 *
 * TEXT is words KEY=VALUE in this order, one blank between; what is left out is not done:
 *
 *   seed=N             of every draw; the same seed and the same packets give the same decisions
 *   delay=NS           each packet is held that long
 *   jitter=NS          plus a draw of that spread (below)
 *   dist=uniform|normal|pareto   of the draw; left out: uniform. Only with jitter
 *   delay-corr=PPM     how much of a draw is the one before
 *   order=free         packets may overtake each other when their draws say so; left out: a packet
 *                      never leaves before one that came earlier
 *   loss=PPM           share of packets that vanish; loss-corr=PPM as above
 *   burst=P,R,H,K      Gilbert-Elliott instead: PPM of going from good to bad, of going back, of a
 *                      packet getting through while bad, and while good
 *   every=N            or every Nth packet vanishes; at least 2
 *   duplicate=PPM      share that arrives twice; duplicate-corr=PPM
 *   corrupt=PPM        share of which one bit is flipped in what the transport carries;
 *                      corrupt-corr=PPM
 *   mend=yes           with the transport's checksum put right, so that the application sees it
 *   reorder=PPM        share that is not delayed, and so overtakes; reorder-corr=PPM. Needs delay
 *   gap=N              N - 1 packets after one that overtook may not; left out: each may
 *   rate=BITS          a second, of IP packets with their headers
 *   queue=BYTES        wait at most for the rate, what comes beyond is lost; always with rate
 *   down=NS            all packets vanish for so long, then none for up=NS, and so on; always both
 *   mtu=BYTES          packets larger than that vanish, from the IP header on
 *   tell=yes           and their sender is told by ICMP, as a router does: "fragmentation needed",
 *                      or "packet too big"; IPv4 packets that may be fragmented pass
 *   dns=HOW            of the packets, only DNS answers: what becomes of those that the next words
 *                      name; all else passes. slow: the delay, jitter and order above; else none of
 *                      the words above but seed. See base/dns-rule.h
 *   dns-share=PPM      of them; always with dns
 *   names=GLOB,...     of the names asked for
 *   types=TYPE,...     of the types asked for
 *   addresses=ADDR,... that the answer has, always with dns=answer; and ttl=SECONDS, left out: 0
 *
 * One of loss, burst and every. The draws: uniform lies within delay +- jitter; normal has jitter
 * for its standard deviation; pareto too, and the shape 3 of the tables of tc-netem(8), its mean
 * at delay. A delay is never below zero. A correlation rho leaves share and distribution as they
 * were asked for: a packet has the fate of the one before with probability rho, else one of its
 * own; and a delay's place in its distribution follows an autoregression of normal draws,
 * z = rho * last + sqrt(1 - rho^2) * fresh. (tc-netem(8) averages draws instead, which at small
 * shares leaves nearly nothing of them.) The order of things for one packet: duplicate, loss,
 * corrupt, rate, delay, reorder: it is delayed, or overtakes, behind the link whose rate it waits
 * for. A copy is a packet of its own, but is not copied again.
 *
 * Pure. Owns nothing.
 */
#ifndef SQUALL_BASE_SHAPE_H
#define SQUALL_BASE_SHAPE_H

#include "base/buf.h"
#include "base/dns-rule.h"
#include "base/err.h"

enum shape_dist { SHAPE_UNIFORM, SHAPE_NORMAL, SHAPE_PARETO };

enum {
	SHAPE_TEXT_MAX = 440,
	SHAPE_PPM = 1000000,
};
#define SHAPE_DELAY_MAX_NS 600000000000ull /* ten minutes */
#define SHAPE_RATE_MIN 1000ull             /* bits a second */
#define SHAPE_RATE_MAX 100000000000ull
#define SHAPE_QUEUE_MAX (256ull << 20)
#define SHAPE_TURN_MIN_NS 1000000ull /* of down and up */
#define SHAPE_MTU_MIN 68             /* RFC 791 */
#define SHAPE_MTU_MAX 65535

struct shape {
	uint64_t seed;
	uint64_t delay_ns, jitter_ns;
	enum shape_dist dist;
	uint32_t delay_corr_ppm;
	bool order_free;
	uint32_t loss_ppm, loss_corr_ppm;
	bool burst;
	uint32_t burst_p_ppm, burst_r_ppm, burst_h_ppm, burst_k_ppm;
	uint32_t every;
	uint32_t duplicate_ppm, duplicate_corr_ppm;
	uint32_t corrupt_ppm, corrupt_corr_ppm;
	bool mend;
	uint32_t reorder_ppm, reorder_corr_ppm, gap;
	uint64_t rate_bits, queue_bytes;
	uint64_t down_ns, up_ns;
	uint32_t mtu;
	bool tell;
	struct dns_rule dns;
};

/* -EINVAL when it does nothing, contradicts itself or is out of range; -E2BIG. */
int shape_format(const struct shape *, struct buf *to, struct err *) must_use;
/* Only what shape_format would write. -EINVAL with the word that is wrong. */
int shape_parse(const char *text, struct shape *, struct err *) must_use;
/* Does it hold packets back? (Else it decides at once.) */
bool shape_holds(const struct shape *);
/* Must it see each packet alone, not several that the kernel has put together (GSO, GRO)? */
bool shape_counts(const struct shape *);

#endif
