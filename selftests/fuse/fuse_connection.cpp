// SPDX-License-Identifier: GPL-2.0
/* See fuse_connection.hpp. */
#include "fuse_connection.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <sys/uio.h>
#include <vector>

namespace {

constexpr size_t buffer_size = 1u << 17;
constexpr uint32_t most_written = 4096;

} /* namespace */

fuse_connection::fuse_connection(const std::string &target, const std::string &options,
				 uint32_t more_flags)
	: device_(open_or_throw("/dev/fuse", O_RDWR)), more_flags_(more_flags)
{
	mount_ = std::make_unique<mounted>(
		"fuse", target,
		fmt::format("fd={},rootmode=40000,user_id=0,group_id=0,{}", device_.get(), options),
		MS_NOSUID | MS_NODEV);
}

void fuse_connection::serve(const std::function<void(const fuse_request &)> &handle)
{
	std::vector<char> buffer(buffer_size);

	for (;;) {
		const ssize_t n = ::read(device_.get(), buffer.data(), buffer.size() - 1);
		fuse_request q;

		/* ENOENT: the request was taken back while we came for it. */
		if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
			continue;
		if (n < static_cast<ssize_t>(sizeof(q.header)))
			return;
		buffer[static_cast<size_t>(n)] = '\0';
		std::memcpy(&q.header, buffer.data(), sizeof(q.header));
		q.rest = {buffer.data() + sizeof(q.header),
			  static_cast<size_t>(n) - sizeof(q.header)};
		if (q.header.opcode == FUSE_INIT)
			init(q);
		else
			handle(q);
	}
}

/*
 * Without PARALLEL_DIROPS FUSE lets one lookup at a time into a directory, and
 * without READDIRPLUS readdir looks nothing up: nobody would ever wait.
 */
void fuse_connection::init(const fuse_request &q)
{
	const auto in = q.body<fuse_init_in>();
	fuse_init_out out = {};

	out.major = FUSE_KERNEL_VERSION;
	out.minor = std::min<uint32_t>(in.minor, FUSE_KERNEL_MINOR_VERSION);
	out.max_readahead = in.max_readahead;
	out.flags = in.flags & (FUSE_DO_READDIRPLUS | FUSE_PARALLEL_DIROPS | more_flags_);
	out.max_background = 16;
	out.congestion_threshold = 12;
	out.max_write = most_written;
	reply_with(q.header.unique, out);
}

bool fuse_connection::send(uint64_t id, int error, const void *body, size_t len)
{
	fuse_out_header header = {};
	iovec parts[2] = {{&header, sizeof(header)}, {const_cast<void *>(body), len}};

	header.len = static_cast<uint32_t>(sizeof(header) + len);
	header.error = -error;
	header.unique = id;
	/* ENOENT: the request was aborted meanwhile.  Nobody is left to tell. */
	return ::writev(device_.get(), parts, len ? 2 : 1) >= 0;
}

void fuse_listing::add(std::string_view name, uint64_t ino, uint64_t next, unsigned type,
		       const fuse_entry_out &entry)
{
	std::string one(size_of(name), '\0');
	fuse_dirent d = {};

	d.ino = ino;
	d.off = next;
	d.namelen = static_cast<uint32_t>(name.size());
	d.type = type;
	if (plus_)
		std::memcpy(one.data(), &entry, sizeof(entry));
	std::memcpy(one.data() + head(), &d, FUSE_NAME_OFFSET);
	std::memcpy(one.data() + head() + FUSE_NAME_OFFSET, name.data(), name.size());
	text_ += one;
}
