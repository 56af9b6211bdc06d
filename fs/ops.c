/* SPDX-License-Identifier: MIT */
#include "ops.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include <dpkeyfs/limits.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "room.h"

/* What is cached is invalidated when it changes; a day is the safety net. */
#define CACHE_SECONDS 86400.0

/* Of one answer to READDIRPLUS; about 150 entries. On the stack of the request thread. */
#define LISTING_BYTES (32 * 1024)

static struct dpkfs_room *room_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static void root_attributes(const struct dpkfs_owner *owner, struct timespec mtime, struct stat *st)
{
	*st = (struct stat){
		.st_ino = DPKFS_ROOT_NODE,
		.st_mode = S_IFDIR | (owner->dmode & 0555),
		.st_nlink = 2,
		.st_uid = owner->uid,
		.st_gid = owner->gid,
		.st_blksize = 4096,
		.st_atim = mtime,
		.st_mtim = mtime,
		.st_ctim = mtime,
	};
}

static void file_attributes(
	const struct dpkfs_owner *owner, const struct dpk_file *file, struct stat *st)
{
	*st = (struct stat){
		.st_ino = file->node,
		.st_mode = S_IFREG | (owner->mode & 0555),
		.st_nlink = 1,
		.st_uid = owner->uid,
		.st_gid = owner->gid,
		.st_size = (off_t)file->size,
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)((file->size + 4095) / 4096 * 8),
		.st_atim = file->mtime,
		.st_mtim = file->mtime,
		.st_ctim = file->mtime,
	};
}

static void file_entry(const struct dpkfs_owner *owner, const struct dpk_file *file,
	struct fuse_entry_param *entry)
{
	*entry = (struct fuse_entry_param){
		.ino = file->node,
		.attr_timeout = CACHE_SECONDS,
		.entry_timeout = CACHE_SECONDS,
	};
	file_attributes(owner, file, &entry->attr);
}

static void want(struct fuse_conn_info *conn, unsigned int capabilities)
{
	conn->want |= conn->capable & capabilities;
}

static void refuse(struct fuse_conn_info *conn, unsigned int capabilities)
{
	conn->want &= ~capabilities;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	/* always: with AUTO the kernel mixes both kinds, and one must not carry node ids */
	want(conn, FUSE_CAP_READDIRPLUS);
	refuse(conn, FUSE_CAP_READDIRPLUS_AUTO);
	/* with default_permissions, what keeps an old listing from coming back */
	want(conn, FUSE_CAP_AUTO_INVAL_DATA);
	/* .NET locks each file that it reads; locks stay in the kernel */
	refuse(conn, FUSE_CAP_FLOCK_LOCKS | FUSE_CAP_POSIX_LOCKS);
	/* a pipe for each thread would save nothing at these sizes */
	refuse(conn, FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	/* nobody writes, but the size of requests follows from it: one element in one READ */
	conn->max_write = DPK_ELEMENT_MAX_BYTES;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *view = dpkfs_room_take(room_of(req));
	const struct dpk_file *file;
	struct fuse_entry_param entry;

	if (!dpkfs_view_snapshot(view)) {
		fuse_reply_err(req, EIO);
		return;
	}
	file = parent == DPKFS_ROOT_NODE ? dpkfs_view_find(view, name) : NULL;
	if (!file) {
		/* an error, not a negative entry: a name that appears needs no invalidation */
		fuse_reply_err(req, ENOENT);
		return;
	}
	file_entry(dpkfs_view_owner(view), file, &entry);
	fuse_reply_entry(req, &entry);
}

/*
 * A node that a view does not know: without a ring that is EIO like all else.
 * Otherwise it has left for good; ESTALE makes the kernel look its name up
 * again.
 */
static int missing_node(const struct dpkfs_view *view)
{
	return dpkfs_view_snapshot(view) ? ESTALE : EIO;
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct dpkfs_room *room = room_of(req);
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *view = dpkfs_room_take(room);
	const struct dpk_file *file;
	struct stat st;

	(void)fi;
	if (ino == DPKFS_ROOT_NODE) {
		pthread_rwlock_rdlock(&room->flip);
		root_attributes(dpkfs_view_owner(view), room->list.mtime, &st);
		fuse_reply_attr(req, &st, CACHE_SECONDS);
		pthread_rwlock_unlock(&room->flip);
		return;
	}
	file = dpkfs_view_find_node(view, ino);
	if (!file) {
		fuse_reply_err(req, missing_node(view));
		return;
	}
	file_attributes(dpkfs_view_owner(view), file, &st);
	fuse_reply_attr(req, &st, CACHE_SECONDS);
}

static void audit_open(fuse_req_t req, const struct dpkfs_room *room, const struct dpk_file *file)
{
	const struct fuse_ctx *caller = fuse_req_ctx(req);

	if (caller->pid != atomic_load_explicit(&room->walker, memory_order_relaxed))
		dpk_notice("open: pid %d uid %u '%s'", (int)caller->pid, caller->uid, file->name);
}

/* ENOSYS means to the kernel: no such operation, it always succeeds, never ask again. */
static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct dpkfs_room *room = room_of(req);
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *view = NULL;
	const struct dpk_file *file;

	if (!room->audit) {
		fuse_reply_err(req, ENOSYS);
		return;
	}
	view = dpkfs_room_take(room);
	file = dpkfs_view_find_node(view, ino);
	if (!file) {
		fuse_reply_err(req, missing_node(view));
		return;
	}
	audit_open(req, room, file);
	fi->keep_cache = 1;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

/* Before the first ring there must be an error, and it must be asked for again. */
static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *view = dpkfs_room_take(room_of(req));

	(void)ino;
	(void)fi;
	fuse_reply_err(req, dpkfs_view_snapshot(view) ? ENOSYS : EIO);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, ENOSYS);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

static void op_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *view = dpkfs_room_take(room_of(req));
	const struct dpk_file *file = dpkfs_view_find_node(view, ino);
	size_t at = (size_t)offset;

	(void)fi;
	if (!file) {
		fuse_reply_err(req, missing_node(view));
		return;
	}
	if (offset < 0 || at >= file->size) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	if (size > file->size - at)
		size = file->size - at;
	fuse_reply_buf(req, (const char *)file->data + at, size);
}

/* One answer to READDIRPLUS while it grows. */
struct listing {
	fuse_req_t req;
	const struct dpk_snapshot *snap;
	const struct dpkfs_owner *owner;
	bool full; /* entries carry node ids, so that the kernel knows the names afterwards */
	size_t len;
	size_t max;
	char bytes[LISTING_BYTES];
};

/* Entry INDEX of a directory: ".", "..", then the files. False where it does not fit. */
static bool add_entry(struct listing *listing, size_t index)
{
	uint64_t generation = dpk_snapshot_generation(listing->snap) & DPKFS_GENERATION_MASK;
	struct fuse_entry_param entry = { .attr = {
						  .st_ino = DPKFS_ROOT_NODE, .st_mode = S_IFDIR } };
	const char *name = index == 0 ? "." : "..";
	size_t need;

	if (index >= 2) {
		const struct dpk_file *file = dpk_snapshot_at(listing->snap, index - 2);

		name = file->name;
		file_entry(listing->owner, file, &entry);
		if (!listing->full)
			entry.ino = 0;
	}
	need = fuse_add_direntry_plus(listing->req, listing->bytes + listing->len,
		listing->max - listing->len, name, &entry, (off_t)(generation << 32 | (index + 1)));
	if (need > listing->max - listing->len)
		return false;
	listing->len += need;
	return true;
}

/*
 * Offsets carry the generation, so that a reader in the middle of one listing
 * gets the rest of that one; where it has been forgotten the listing fails,
 * rather than being a mixture of two.
 */
static void list(struct listing *listing, struct dpkfs_room *room, off_t offset)
{
	uint64_t generation = (uint64_t)offset >> 32;
	size_t index = (uint64_t)offset & UINT32_MAX, end;

	listing->snap = offset == 0 ? room->list.snap : dpkfs_room_listed(room, generation);
	if (!listing->snap) {
		fuse_reply_err(listing->req, EIO);
		return;
	}
	end = dpk_snapshot_count(listing->snap) + 2;
	while (index < end && add_entry(listing, index))
		index++;
	fuse_reply_buf(listing->req, listing->bytes, listing->len);
}

static void op_readdirplus(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct dpkfs_room *room = room_of(req);
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *view = dpkfs_room_take(room);
	struct listing listing;

	(void)ino;
	(void)fi;
	listing.req = req;
	listing.owner = dpkfs_view_owner(view);
	/*
	 * Full entries race with a swap: the kernel may link an old entry
	 * after it was told of the new one. The walker's do not, because the
	 * thread that swaps waits for the walker.
	 */
	listing.full =
		fuse_req_ctx(req)->pid == atomic_load_explicit(&room->walker, memory_order_relaxed);
	listing.len = 0;
	listing.max = size < sizeof(listing.bytes) ? size : sizeof(listing.bytes);
	pthread_rwlock_rdlock(&room->flip);
	list(&listing, room, offset);
	pthread_rwlock_unlock(&room->flip);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	_cleanup_(dpkfs_view_unrefp) struct dpkfs_view *view = dpkfs_room_take(room_of(req));
	const struct dpk_snapshot *snap = dpkfs_view_snapshot(view);
	const struct statvfs st = {
		.f_bsize = 4096,
		.f_frsize = 4096,
		.f_blocks = dpkfs_view_blocks(view),
		.f_files = snap ? dpk_snapshot_count(snap) : 0,
		.f_namemax = DPK_FILE_NAME_MAX - 1,
	};

	(void)ino;
	fuse_reply_statfs(req, &st);
}

/* Node ids mean the same for ever and nothing is kept for a node, so counts are of no interest. */
static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	(void)ino;
	(void)count;
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	(void)count;
	(void)forgets;
	fuse_reply_none(req);
}

/*
 * What is missing is ENOSYS: for GETXATTR, LISTXATTR and ACCESS the kernel
 * then asks no more, and locks it keeps itself. What would change something
 * never comes this far: the mount is read-only.
 */
const struct fuse_lowlevel_ops dpkfs_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.open = op_open,
	.opendir = op_opendir,
	.flush = op_flush,
	.release = op_release,
	.read = op_read,
	.readdirplus = op_readdirplus,
	.statfs = op_statfs,
};
