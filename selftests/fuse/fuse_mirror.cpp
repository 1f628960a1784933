// SPDX-License-Identifier: GPL-2.0
/*
 * See fuse_mirror.hpp.  A handle of an open file is its file descriptor here.
 */
#include "fuse_mirror.hpp"

#include <array>
#include <dirent.h>
#include <fmt/format.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <thread>
#include <vector>

namespace {

/*
 * Seconds.  The type of a file never changes, and the kernel knows of all else that
 * does: to be asked for it all the time would be nothing but slow.
 */
constexpr uint64_t attributes_valid = 3600;

fuse_attr attributes(const struct stat &st)
{
	fuse_attr a = {};

	a.ino = st.st_ino;
	a.size = static_cast<uint64_t>(st.st_size);
	a.blocks = static_cast<uint64_t>(st.st_blocks);
	a.atime = static_cast<uint64_t>(st.st_atim.tv_sec);
	a.mtime = static_cast<uint64_t>(st.st_mtim.tv_sec);
	a.ctime = static_cast<uint64_t>(st.st_ctim.tv_sec);
	a.atimensec = static_cast<uint32_t>(st.st_atim.tv_nsec);
	a.mtimensec = static_cast<uint32_t>(st.st_mtim.tv_nsec);
	a.ctimensec = static_cast<uint32_t>(st.st_ctim.tv_nsec);
	a.mode = st.st_mode;
	a.nlink = static_cast<uint32_t>(st.st_nlink);
	a.uid = st.st_uid;
	a.gid = st.st_gid;
	a.blksize = static_cast<uint32_t>(st.st_blksize);
	return a;
}

/* The result of a system call, or its error as the reply. */
template <class T> T checked(T result)
{
	if (result < 0)
		throw errno_error("");
	return result;
}

/* With READDIRPLUS the kernel does not count that it was told of these two. */
bool is_told_of(std::string_view name)
{
	return name != "." && name != "..";
}

/* Read and written through us each time: pages are not what is tested here. */
fuse_open_out open_reply(int fd)
{
	fuse_open_out out = {};

	out.fh = static_cast<uint64_t>(fd);
	out.open_flags = FOPEN_DIRECT_IO;
	return out;
}

} /* namespace */

fuse_mirror::fuse_mirror(const std::string &source, const std::string &target,
			 const std::string &control)
	: nodes_(open_or_throw(source, O_PATH | O_DIRECTORY), !control.empty()),
	  holds_(control.empty() ? nullptr : std::make_unique<fuse_holds>(control)),
	  connection_(target, "allow_other", holds_ ? FUSE_EXPORT_SUPPORT : 0)
{
}

void fuse_mirror::serve(unsigned threads)
{
	std::vector<std::jthread> all;

	for (unsigned i = 0; i < threads; i++)
		all.emplace_back([this] {
			connection_.serve([this](const fuse_request &q) { handle(q); });
		});
}

/*
 * No time is set for which the name is valid.  A client that has a handle
 * of a file asks for its "." even if it is no directory.
 */
fuse_entry_out fuse_mirror::tell(int dir, const char *name)
{
	unique_fd fd(std::string_view(name) == "." ?
		     checked(::fcntl(dir, F_DUPFD_CLOEXEC, 0)) :
		     checked(::openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)));
	fuse_entry_out out = {};
	struct stat st;

	checked(::fstat(fd.get(), &st));
	out.nodeid = nodes_.remember(std::move(fd), st);
	out.attr_valid = attributes_valid;
	out.attr = attributes(st);
	return out;
}

void fuse_mirror::reply_entry(const fuse_request &q, const fuse_entry_out &e)
{
	if (!connection_.reply_with(q.header.unique, e))
		nodes_.forget(e.nodeid, 1);
}

void fuse_mirror::get_attributes(const fuse_request &q)
{
	fuse_attr_out out = {};
	struct stat st;

	checked(::fstat(fd_of(q.header.nodeid), &st));
	out.attr_valid = attributes_valid;
	out.attr = attributes(st);
	connection_.reply_with(q.header.unique, out);
}

void fuse_mirror::lookup(const fuse_request &q)
{
	reply_entry(q, tell(fd_of(q.header.nodeid), q.text()));
}

/* Times stay what the source makes of them. */
void fuse_mirror::set_attributes(const fuse_request &q)
{
	const auto in = q.body<fuse_setattr_in>();
	const std::string path = fmt::format("/proc/self/fd/{}", fd_of(q.header.nodeid));

	if (in.valid & FATTR_MODE)
		checked(::chmod(path.c_str(), in.mode & 07777));
	if (in.valid & (FATTR_UID | FATTR_GID))
		checked(::chown(path.c_str(), in.valid & FATTR_UID ? in.uid : static_cast<uid_t>(-1),
				in.valid & FATTR_GID ? in.gid : static_cast<gid_t>(-1)));
	if (in.valid & FATTR_SIZE)
		checked(::truncate(path.c_str(), static_cast<off_t>(in.size)));
	get_attributes(q);
}

void fuse_mirror::make_file(const fuse_request &q)
{
	const auto in = q.body<fuse_mknod_in>();
	const int dir = fd_of(q.header.nodeid);
	const char *name = q.text(sizeof(in));

	if (!S_ISREG(in.mode))
		throw std::system_error(EPERM, std::generic_category());
	checked(::mknodat(dir, name, in.mode, 0));
	reply_entry(q, tell(dir, name));
}

void fuse_mirror::describe(const fuse_request &q)
{
	fuse_statfs_out out = {};
	struct statfs st;

	checked(::fstatfs(fd_of(q.header.nodeid), &st));
	out.st.blocks = st.f_blocks;
	out.st.bfree = st.f_bfree;
	out.st.bavail = st.f_bavail;
	out.st.files = st.f_files;
	out.st.ffree = st.f_ffree;
	out.st.bsize = static_cast<uint32_t>(st.f_bsize);
	out.st.frsize = static_cast<uint32_t>(st.f_bsize);
	out.st.namelen = static_cast<uint32_t>(st.f_namelen);
	connection_.reply_with(q.header.unique, out);
}

void fuse_mirror::make_directory(const fuse_request &q)
{
	const int dir = fd_of(q.header.nodeid);
	const char *name = q.text(sizeof(fuse_mkdir_in));

	checked(::mkdirat(dir, name, q.body<fuse_mkdir_in>().mode));
	reply_entry(q, tell(dir, name));
}

void fuse_mirror::link(const fuse_request &q)
{
	const int dir = fd_of(q.header.nodeid);
	const char *name = q.text(sizeof(fuse_link_in));

	checked(::linkat(fd_of(q.body<fuse_link_in>().oldnodeid), "", dir, name, AT_EMPTY_PATH));
	reply_entry(q, tell(dir, name));
}

void fuse_mirror::create(const fuse_request &q)
{
	const auto in = q.body<fuse_create_in>();
	const int dir = fd_of(q.header.nodeid);
	const char *name = q.text(sizeof(in));
	unique_fd fd(checked(::openat(dir, name, static_cast<int>(in.flags) | O_CREAT | O_NOFOLLOW |
						 O_CLOEXEC, in.mode)));
	struct {
		fuse_entry_out entry;
		fuse_open_out open;
	} out = {tell(dir, name), open_reply(fd.get())};

	if (connection_.reply_with(q.header.unique, out))
		fd.release();
	else
		nodes_.forget(out.entry.nodeid, 1);
}

void fuse_mirror::remove(const fuse_request &q, int flags)
{
	checked(::unlinkat(fd_of(q.header.nodeid), q.text(), flags));
	connection_.reply(q.header.unique, 0);
}

void fuse_mirror::rename(const fuse_request &q, size_t names, uint64_t to, unsigned flags)
{
	const char *from = q.text(names);

	checked(::syscall(SYS_renameat2, fd_of(q.header.nodeid), from, fd_of(to),
			  q.text(names + std::strlen(from) + 1), flags));
	connection_.reply(q.header.unique, 0);
}

void fuse_mirror::open(const fuse_request &q)
{
	const auto in = q.body<fuse_open_in>();
	const std::string path = fmt::format("/proc/self/fd/{}", fd_of(q.header.nodeid));
	unique_fd fd(checked(::open(path.c_str(),
				    (static_cast<int>(in.flags) & ~O_NOFOLLOW) | O_CLOEXEC)));

	if (connection_.reply_with(q.header.unique, open_reply(fd.get())))
		fd.release();
}

void fuse_mirror::read(const fuse_request &q)
{
	const auto in = q.body<fuse_read_in>();
	std::string text(in.size, '\0');
	const ssize_t n = checked(::pread(static_cast<int>(in.fh), text.data(), text.size(),
					  static_cast<off_t>(in.offset)));

	text.resize(static_cast<size_t>(n));
	connection_.reply(q.header.unique, text);
}

void fuse_mirror::write(const fuse_request &q)
{
	const auto in = q.body<fuse_write_in>();
	fuse_write_out out = {};

	out.size = static_cast<uint32_t>(checked(::pwrite(
		static_cast<int>(in.fh), q.text(sizeof(in)),
		std::min<size_t>(in.size, q.rest.size() - sizeof(in)),
		static_cast<off_t>(in.offset))));
	connection_.reply_with(q.header.unique, out);
}

void fuse_mirror::list(const fuse_request &q)
{
	const auto in = q.body<fuse_read_in>();
	const int dir = static_cast<int>(in.fh);
	alignas(dirent64) std::array<char, 4096> buffer;
	std::vector<uint64_t> told;
	fuse_listing out(q);
	bool room = true;

	/* The kernel has one request at a time for an open directory. */
	checked(::lseek(dir, static_cast<off_t>(in.offset), SEEK_SET));
	while (room) {
		const long n = checked(::syscall(SYS_getdents64, dir, buffer.data(), buffer.size()));

		if (!n)
			break;
		for (long at = 0; at < n;) {
			const auto *e = reinterpret_cast<const dirent64 *>(buffer.data() + at);
			fuse_entry_out entry = {};

			room = out.fits(e->d_name);
			if (!room)
				break;
			if (out.plus() && is_told_of(e->d_name)) {
				entry = tell(dir, e->d_name);
				told.push_back(entry.nodeid);
			}
			out.add(e->d_name, e->d_ino, static_cast<uint64_t>(e->d_off), e->d_type, entry);
			at += e->d_reclen;
		}
	}
	if (!connection_.reply(q.header.unique, out.text()))
		for (const uint64_t id : told)
			nodes_.forget(id, 1);
}

void fuse_mirror::release(const fuse_request &q)
{
	const unique_fd fd(static_cast<int>(q.body<fuse_release_in>().fh));

	connection_.reply(q.header.unique, 0);
}

void fuse_mirror::forget_many(const fuse_request &q)
{
	const auto in = q.body<fuse_batch_forget_in>();

	for (uint32_t i = 0; i < in.count; i++) {
		fuse_forget_one one;

		std::memcpy(&one, q.text(sizeof(in) + i * sizeof(one)), sizeof(one));
		nodes_.forget(one.nodeid, one.nlookup);
	}
}

/* The last part of where it is now; of the root nothing. */
std::string fuse_mirror::name_of(uint64_t id)
{
	char path[4096];
	const ssize_t n = ::readlink(fmt::format("/proc/self/fd/{}", fd_of(id)).c_str(), path,
				     sizeof(path));
	const std::string_view text(path, static_cast<size_t>(std::max<ssize_t>(n, 0)));

	return id == FUSE_ROOT_ID ? "" : std::string(text.substr(text.rfind('/') + 1));
}

void fuse_mirror::pass(const fuse_request &q)
{
	int error = 0;

	switch (q.header.opcode) {
	case FUSE_LOOKUP:
		error = holds_->pass("lookup", q.text());
		break;
	case FUSE_CREATE:
		error = holds_->pass("create", q.text(sizeof(fuse_create_in)));
		break;
	case FUSE_MKNOD:
		error = holds_->pass("create", q.text(sizeof(fuse_mknod_in)));
		break;
	case FUSE_MKDIR:
		error = holds_->pass("create", q.text(sizeof(fuse_mkdir_in)));
		break;
	case FUSE_UNLINK:
	case FUSE_RMDIR:
		error = holds_->pass("remove", q.text());
		break;
	case FUSE_RENAME:
		error = holds_->pass("rename", q.text(sizeof(fuse_rename_in)));
		break;
	case FUSE_RENAME2:
		error = holds_->pass("rename", q.text(sizeof(fuse_rename2_in)));
		break;
	case FUSE_READ:
		error = holds_->pass("read", name_of(q.header.nodeid));
		break;
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
		error = holds_->pass("list", name_of(q.header.nodeid));
	}
	if (error)
		throw std::system_error(error, std::generic_category());
}

void fuse_mirror::handle(const fuse_request &q)
try {
	if (holds_)
		pass(q);
	switch (q.header.opcode) {
	case FUSE_LOOKUP:
		return lookup(q);
	case FUSE_GETATTR:
		return get_attributes(q);
	case FUSE_SETATTR:
		return set_attributes(q);
	case FUSE_STATFS:
		return describe(q);
	case FUSE_MKDIR:
		return make_directory(q);
	case FUSE_MKNOD:
		return make_file(q);
	case FUSE_LINK:
		return link(q);
	case FUSE_CREATE:
		return create(q);
	case FUSE_UNLINK:
		return remove(q, 0);
	case FUSE_RMDIR:
		return remove(q, AT_REMOVEDIR);
	case FUSE_RENAME:
		return rename(q, sizeof(fuse_rename_in), q.body<fuse_rename_in>().newdir, 0);
	case FUSE_RENAME2:
		return rename(q, sizeof(fuse_rename2_in), q.body<fuse_rename2_in>().newdir,
			      q.body<fuse_rename2_in>().flags);
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		return open(q);
	case FUSE_READ:
		return read(q);
	case FUSE_WRITE:
		return write(q);
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
		return list(q);
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		return release(q);
	case FUSE_FORGET:
		return nodes_.forget(q.header.nodeid, q.body<fuse_forget_in>().nlookup);
	case FUSE_BATCH_FORGET:
		return forget_many(q);
	case FUSE_INTERRUPT:
		return;			/* nothing here waits for long, or it shall */
	default:
		connection_.reply(q.header.unique, ENOSYS);
	}
} catch (const std::system_error &e) {
	connection_.reply(q.header.unique, e.code().value());
}
