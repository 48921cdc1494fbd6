/* Proves that no call waits for a peer for which it would not have waited bare: neither for the peer of another
 * connection, nor behind another thread's write. */
#include "everywhere.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_waiting"

/* `behind the head`: the head was taken while there was room. The other ways offer the library a head when there is no
 * room. */
#define OTHERS(call)                                                                      \
	{ { "others", "behind the head", call }, .timeout = HOLD_LONG, .timed = true },   \
		{ { "others", "behind the head", call }, .timed = true },                 \
		{ { "others", "unseen", call }, .timeout = HOLD_LONG, .timed = true },    \
	{                                                                                 \
		{ "others", "by the library", call }, .timeout = HOLD_LONG, .timed = true \
	}

static const struct case_of others[] = { OTHERS("write"), OTHERS("close"), OTHERS("dup"),  OTHERS("fork"),
	                                 OTHERS("spawn"), OTHERS("exec"),  OTHERS("exit"), OTHERS("_exit") };
EVERYWHERE_TESTS(waiting, call_does_not_wait_for_other_connections, PROGRAM, others);

#define ITSELF(call)                                                                    \
	{ { "itself", "behind the head", call }, .timeout = HOLD_LONG, .timed = true }, \
	{                                                                               \
		{ "itself", "unseen", call }, .timeout = HOLD_LONG, .timed = true       \
	}

static const struct case_of itself[] = { ITSELF("close"),     ITSELF("dup2"),     ITSELF("dup"),
	                                 ITSELF("F_DUPFD"),   ITSELF("shutdown"), ITSELF("shutdown both"),
	                                 ITSELF("keepalive"), ITSELF("nodelay"),  ITSELF("cork"),
	                                 ITSELF("TCP_INFO"),  ITSELF("SO_ERROR"), ITSELF("SIOCOUTQ"),
	                                 ITSELF("recv"),      ITSELF("send") };
EVERYWHERE_TESTS(waiting, full_connection_keeps_nobody, PROGRAM, itself);

/* A close, a dup2 and a shutdown of both directions are tried with large bodies only. With a small body the room for
 * the head was taken unseen by the library, so the writer waits for room before it makes its own call; what is closed
 * meanwhile is closed, and the writer is told so (EBADF, EPIPE). */
#define LARGE(writer, call)                                                              \
	{                                                                                \
		{ "beside", writer, "large", call }, .timeout = HOLD_LONG, .timed = true \
	}
#define BESIDE(call)                                                                      \
	{ { "beside", "write", call }, .timeout = HOLD_LONG, .timed = true },             \
	{                                                                                 \
		{ "beside", "write", "large", call }, .timeout = HOLD_LONG, .timed = true \
	}
#define BESIDE_OTHER_WRITERS(call)                                                            \
	{ { "beside", "writev", call }, .timeout = HOLD_LONG, .timed = true },                \
		{ { "beside", "send", "large", call }, .timeout = HOLD_LONG, .timed = true }, \
		{ { "beside", "sendmsg", call }, .timeout = HOLD_LONG, .timed = true },       \
	{                                                                                     \
		{ "beside", "sendmsg", "large", call }, .timeout = HOLD_LONG, .timed = true   \
	}

static const struct case_of beside[] = { LARGE("write", "close"),
	                                 LARGE("send", "close"),
	                                 LARGE("sendmsg", "close"),
	                                 LARGE("write", "dup2"),
	                                 LARGE("write", "shutdown both"),
	                                 BESIDE("keepalive"),
	                                 BESIDE("nodelay"),
	                                 BESIDE("TCP_INFO"),
	                                 BESIDE("SO_ERROR"),
	                                 BESIDE("SIOCOUTQ"),
	                                 BESIDE("recv"),
	                                 BESIDE("dup"),
	                                 BESIDE("F_DUPFD"),
	                                 BESIDE("fork"),
	                                 BESIDE_OTHER_WRITERS("dup"),
	                                 /* with a large body the kernel may have room for these bytes by now */
	                                 { { "beside", "write", "send" }, .timeout = HOLD_LONG, .timed = true },
	                                 { { "beside", "writev", "send" }, .timeout = HOLD_LONG, .timed = true },
	                                 { { "beside", "sendmsg", "send" }, .timeout = HOLD_LONG, .timed = true } };
EVERYWHERE_TESTS(waiting, blocked_writer_keeps_nobody, PROGRAM, beside);
