/*
 * nft.h - the words of step type "nft": a whole nftables table, held by a helper, that cuts
 * traffic or hands it to the shaper.
 *
 * OBJECT is NETNS_PATH=INODE/TABLE: the path by which the network namespace is opened, the inode
 * that it must have, and the table's name ([A-Za-z_][A-Za-z0-9_]*, at most 63 bytes, with the run
 * in it so that two runs never share a table). nft_object_format writes it.
 *
 * STATE is "absent", or one line of canonical text:
 *
 *   cut MODE DIRECTION egress=HOW FILTERS [dev=LIST | hooks=LIST]
 *   shape DIRECTION FILTERS [dev=LIST] : SHAPE
 *
 *   FILTERS    [proto=P] [conn=C] [flags=LIST] [ip=LIST] [port=LIST] [uid=N] [cgroup=INODE:LEVEL]
 *              [mark=VALUE] [flows=PPM:SEED] [packets=PPM]
 *
 *   SHAPE      what the helper that holds the table does to the packets: base/shape.h.
 *   MODE       silence: packets vanish. reject: they are answered (TCP by a reset, the rest by ICMP
 *              port unreachable). unreachable: all are answered by ICMP host unreachable.
 *   DIRECTION  in, out or both, as seen from the namespace.
 *   HOW        what swallows outgoing packets in mode silence (the others ignore it; write what
 *              the machine can do all the same):
 *                swallow  netdev egress hook, handed to no device: the sender sees nothing at all;
 *                drop     netdev egress hook, dropped: nothing seen, but a socket with IP_RECVERR
 *                         (ping) reads ENOBUFS;
 *                output   inet postrouting hook, for kernels without egress hooks: the sender's
 *                         sendto() fails with EPERM (TCP does not show it and retransmits).
 *   proto      tcp, udp or icmp (which is ICMP and ICMPv6). Left out: any.
 *   conn       only TCP, and needs proto=tcp. new: the segments that open a connection (with SYN:
 *              the request and its answer). established: all others.
 *   flags      fin, rst: only TCP segments with one of them; proto is tcp then.
 *   ip         remote addresses, IPv4 or IPv6, ADDRESS/LENGTH with the host bits zero: destination
 *              of what goes out, source of what comes in. ^ADDRESS/LENGTH is excluded from what
 *              the others name, or from all when there is no other.
 *   port       N or N-M; TCP and UDP only: matches when the source OR the destination port is
 *              listed, in both directions; so a listed port cuts a local server and a remote one.
 *              ^N, ^N-M: excluded, when either port is; with these alone, what has no ports
 *              matches.
 *   uid        packets whose local socket belongs to this user (meta skuid).
 *   cgroup     packets whose local socket was created in this cgroup v2 or below it: the inode of
 *              its directory and its depth (root 0), see nft(8) "socket cgroupv2".
 *   mark       packets whose local socket carries this mark, 0xVALUE of SOCKMARK_MASK
 *              (base/sockmark.h): what goes out by the packet's own mark, which it has from its
 *              socket; what comes in by the socket that the kernel finds for it, listeners too.
 *   flows      so many of a million flows, told by a hash of both ends: addresses, and with TCP and
 *              UDP ports; so a flow is in or out with all its packets, in both directions. A
 *              larger share with the same seed has the flows of a smaller one.
 *   packets    so many of a million packets, drawn by the kernel.
 *   dev        confined to these devices, both directions.
 *   hooks      every device of the namespace, for the egress hook only; nothing is confined. One of
 *              dev and hooks must be there when HOW is swallow or drop, MODE is silence and
 *              DIRECTION is not in. A device that appears later is not covered until the plan is
 *              made again.
 *
 * Shaping, and where it sees a packet. Incoming ones before routing, or with uid or cgroup at local
 * input. Outgoing ones after routing, or with a cgroup at local output: the sender does not learn
 * of a loss. What is held back there (shape_holds()) would stay on its socket's account, and TCP
 * would stall: the shaper has the kernel drop it and sends it itself when it is due, but for what
 * is longer than the device takes, or is for many.
 *
 * On loopback every packet goes out and comes in, and counts once: in direction in, when its
 * destination port is a listed one; in direction out, when its source port is; in both, when
 * either is. So of a service on this machine, a delay of its port delays a round trip once. Without
 * ports each packet counts, and a round trip has two. With uid or cgroup the socket tells: what
 * goes from one of its sockets to another counts on each side that is asked for.
 *
 * With dns= in SHAPE: only what comes in, and only where the source port is a listed one, on
 * loopback too: what comes from a name server.
 *
 * The kernel stamps what arrives before the shaper sees it: tcpdump, and who asks for that stamp
 * (SO_TIMESTAMP; ping without -U does), does not see how long it was held in the namespace that it
 * runs in. What reads the clock itself does, and so does the other end.
 *
 * What a shaper sends itself passes it and all that were there before it. ICMPv6 133 to 137 pass.
 * Later fragments have no port, as for cuts. When any chain of the namespace is unregistered (a
 * firewall is loaded anew, another run ends), the kernel drops all packets that wait in queues: the
 * shaper sends those when they are due, which it read in full for that. When it is killed, what it
 * held is lost, at most one delay's worth; when it is ended in order, it passes that on.
 *
 * Its meter has, besides packets and bytes that the table matched: seen_packets, seen_bytes (by the
 * shaper), delayed, lost_packets, lost_in_queue (of the rate), duplicated, corrupted, reordered,
 * passed_full (at once, there was no room to hold them), dns_seen (answers that were understood),
 * dns_matched (of these, those of the names and types asked for), dns_done (changed, held back or
 * lost as dns= says), restored and vanished (of those held, the kernel dropped so many, which were
 * sent again or were not), outages (in which packets were lost), told (senders of what was too
 * large), and the levels held, added_p50_ns,
 * added_p99_ns, late_p99_ns, raised (it runs with a better nice value) and shapers (1, for those
 * that sum up levels). Once the table is gone only these are left.
 *
 * Lists are separated by commas, sorted, each element once. Keys come in the order above, one blank
 * between words. What is named must all match (a listed key is an "and", its list an "or"); with
 * none all IP traffic of the namespace is cut. ARP and IPv6 neighbour discovery (ICMPv6 133 to 137)
 * always pass: without them the sender would see "no route to host" instead of silence.
 *
 * What does not reach: an incoming packet has a uid only when the kernel found its socket before
 * the input hook: established TCP and connected UDP; a new connection to a listener of that user
 * comes in and it is the answer that is cut. Incoming with uid or cgroup is looked at in the input
 * hook, so forwarded traffic is not cut by it. Later fragments of a datagram carry no port.
 *
 * Mode reject, outgoing: TCP connect() gets ECONNREFUSED, an established connection ECONNRESET; a
 * datagram's sendto() fails with EPERM, because the kernel drops it at local output, and the ICMP
 * answer is delivered besides. Mode unreachable: connect() gets EHOSTUNREACH; an established TCP
 * connection takes it for a passing trouble and retransmits (RFC 1122, 4.2.3.9).
 */
#ifndef SQUALL_STEP_NFT_H
#define SQUALL_STEP_NFT_H

#include <netinet/in.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/shape.h"
#include "step/step.h"

enum {
	NFT_TABLE_MAX = 64, /* with the NUL */
	NFT_NETNS_MAX = 128,
	NFT_ADDRS_MAX = 64,
	NFT_PORTS_MAX = 64,
	NFT_DEVS_MAX = 32,
	NFT_DEV_NAME = 16,
};

enum nft_mode { NFT_SILENCE, NFT_REJECT, NFT_UNREACHABLE, NFT_SHAPE };
enum { NFT_FIN = 0x01, NFT_RST = 0x04 }; /* as in the 14th byte of TCP's header */
enum nft_direction { NFT_IN = 1, NFT_OUT = 2, NFT_BOTH = 3 };
enum nft_conn { NFT_CONN_ANY, NFT_CONN_NEW, NFT_CONN_ESTABLISHED };
enum nft_egress { NFT_EGRESS_SWALLOW, NFT_EGRESS_DROP, NFT_EGRESS_OUTPUT };

struct nft_addr {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t length; /* of the prefix, in bits */
	uint8_t bytes[16];
	bool except;
};

struct nft_ports {
	uint16_t from, to;
	bool except;
};

/* One cut, or what is shaped. Zero-initialised and given mode, direction and egress it cuts
 * everything. */
struct nft_rules {
	enum nft_mode mode;
	enum nft_direction direction;
	enum nft_egress egress;
	uint8_t proto; /* 0 any, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP (also v6) */
	enum nft_conn conn;
	uint32_t flows_ppm, flows_seed; /* flows_ppm 0: all */
	uint32_t packets_ppm;           /* 0: all */
	uint8_t tcp_flags;              /* 0: whatever they are; else some of NFT_FIN, NFT_RST */
	bool has_uid, has_cgroup;
	uint16_t mark; /* 0: none */
	bool confined; /* devs came from dev=, not from hooks= */
	uint32_t uid;
	uint64_t cgroup;
	uint32_t cgroup_level;
	size_t addrs_n, ports_n, devs_n;
	struct nft_addr addrs[NFT_ADDRS_MAX]; /* sorted, what is excluded last; ports too */
	struct nft_ports ports[NFT_PORTS_MAX];
	char devs[NFT_DEVS_MAX][NFT_DEV_NAME];
	struct shape shape; /* of mode NFT_SHAPE, which takes no egress and no hooks */
};

/* Add one element as people write it ("10.0.0.1", "^fd00::/8"; "80", "^6000-6010"). Host bits are
 * cleared, repeated ones folded. -EINVAL, -E2BIG. */
int nft_rules_add_addr(struct nft_rules *, const char *text, struct err *) must_use;
int nft_rules_add_ports(struct nft_rules *, const char *text, struct err *) must_use;
int nft_rules_add_dev(struct nft_rules *, const char *name, struct err *) must_use;
int nft_rules_put_addr(struct nft_rules *, struct nft_addr, struct err *) must_use;
/* How many there are that are not exclusions: the first of the list. */
size_t nft_rules_addrs(const struct nft_rules *);
size_t nft_rules_ports(const struct nft_rules *);
/* Is all of that network, or range, excluded by one element? */
bool nft_rules_except_addr(const struct nft_rules *, uint8_t family, const uint8_t *bytes,
                           unsigned length);
bool nft_rules_except_ports(const struct nft_rules *, uint16_t from, uint16_t to);
/* Is that network within `wide`? */
bool nft_addr_covers(const struct nft_addr *wide, uint8_t family, const uint8_t *bytes,
                     unsigned length);
/* Does what goes between that remote address and these ports, here and there, meet the addresses
 * and the ports? */
bool nft_rules_meet(const struct nft_rules *, uint8_t family, const uint8_t *remote,
                    const uint16_t ports[2]);
/* Is the sender told by an answer? */
bool nft_mode_answers(enum nft_mode);

/* Are packets told by their local socket? */
bool nft_rules_has_owner(const struct nft_rules *);
/* Canonical text; the same rules give the same text. -E2BIG when longer than STATE_MAX - 1. */
int nft_rules_format(const struct nft_rules *, struct buf *to, struct err *) must_use;
/* Only what nft_rules_format would write is accepted. -EINVAL with the word that is wrong. */
int nft_rules_parse(const char *state, struct nft_rules *, struct err *) must_use;
/* Does this state shape? Then its holder is two processes: the shaper, and one that watches it. */
bool nft_is_shape(const char *state);
/* What the sender of a cut packet sees, for the plan: "nothing: packets vanish". Never NULL. */
const char *nft_rules_seen_by_sender(const struct nft_rules *);

struct nft_object {
	char netns[NFT_NETNS_MAX];
	uint64_t netns_ino;
	char table[NFT_TABLE_MAX];
};

int nft_object_format(const struct nft_object *, struct buf *to, struct err *) must_use;
int nft_object_parse(const char *object, struct nft_object *, struct err *) must_use;
/* The table's name for an attack of a run: "squall_RUN_N" with every byte that a name may not have
 * replaced by "_". run: at most 31 bytes. */
void nft_table_name(const char *run, unsigned n, char name[NFT_TABLE_MAX]);

#endif
