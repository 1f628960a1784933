// SPDX-License-Identifier: GPL-2.0
/*
 * See fuse_server.hpp.  One thread reads requests; replies to held LOOKUPs are
 * written by the thread of the test, which is fine: a reply is one write().
 *
 * lock_ covers names_, directories_ and listed_.
 */
#include "fuse_server.hpp"

#include <algorithm>
#include <cstring>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

namespace {

constexpr uint64_t long_valid = 100000;		/* seconds; nothing shall be asked again */
constexpr size_t buffer_size = 1u << 17;

fuse_attr attributes(uint64_t node, bool directory)
{
	fuse_attr a = {};

	a.ino = node;
	a.mode = directory ? S_IFDIR | 0755 : S_IFREG | 0644;
	a.nlink = directory ? 2 : 1;
	a.blksize = 4096;
	return a;
}

fuse_entry_out entry_of(const fuse_entry &e)
{
	fuse_entry_out out = {};

	out.nodeid = e.node;
	out.entry_valid = long_valid;
	if (e.node) {
		out.attr_valid = long_valid;
		out.attr = attributes(e.node, e.directory);
	}
	return out;
}

template <class T> T body_of(std::span<const char> message)
{
	T t = {};
	const auto body = message.subspan(sizeof(fuse_in_header));

	std::memcpy(&t, body.data(), std::min(sizeof(t), body.size()));
	return t;
}

} /* namespace */

fuse_server::fuse_server(const std::string &target)
	: device_(open_or_throw("/dev/fuse", O_RDWR)), stop_(::eventfd(0, EFD_CLOEXEC))
{
	if (!stop_)
		throw errno_error("eventfd");
	directories_[FUSE_ROOT_ID] = true;
	/* The root is not asked for when mounting; INIT waits in the device. */
	thread_ = std::jthread([this] { serve(); });
	try {
		mount_ = std::make_unique<mounted>(
			"fuse", target,
			fmt::format("fd={},rootmode=40000,user_id=0,group_id=0,allow_other",
				    device_.get()),
			MS_NOSUID | MS_NODEV);
	} catch (...) {
		::eventfd_write(stop_.get(), 1);
		throw;
	}
}

fuse_server::~fuse_server()
{
	release_all();
	mount_.reset();
	::eventfd_write(stop_.get(), 1);
}

void fuse_server::set(const std::string &name, fuse_entry e)
{
	const std::lock_guard guard(lock_);

	names_[name].entry = e;
	if (e.node)
		directories_[e.node] = e.directory;
}

void fuse_server::hold(const std::string &name)
{
	const std::lock_guard guard(lock_);

	names_[name].held = true;
}

bool fuse_server::reply_one(const std::string &name)
{
	const std::lock_guard guard(lock_);
	name_state &n = names_[name];

	if (n.kept.empty())
		return false;
	const uint64_t id = n.kept.front();
	n.kept.pop_front();
	answer_lookup(id, n.entry);
	return true;
}

void fuse_server::release_all()
{
	const std::lock_guard guard(lock_);

	for (auto &[name, n] : names_) {
		n.held = false;
		for (const uint64_t id : n.kept)
			answer_lookup(id, n.entry);
		n.kept.clear();
	}
}

unsigned fuse_server::asked(const std::string &name)
{
	const std::lock_guard guard(lock_);

	return names_[name].asked;
}

unsigned fuse_server::waiting(const std::string &name)
{
	const std::lock_guard guard(lock_);

	return static_cast<unsigned>(names_[name].kept.size());
}

unsigned fuse_server::most_at_once(const std::string &name)
{
	const std::lock_guard guard(lock_);

	return names_[name].most;
}

void fuse_server::list(const std::vector<std::string> &names)
{
	const std::lock_guard guard(lock_);

	listed_ = names;
}

void fuse_server::serve()
{
	std::vector<char> buffer(buffer_size);

	for (;;) {
		pollfd fds[2] = {{device_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};

		if (::poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (fds[1].revents)
			return;
		/* Before the mount the device polls as an error. */
		if (!(fds[0].revents & POLLIN)) {
			std::this_thread::yield();
			continue;
		}
		const ssize_t n = ::read(device_.get(), buffer.data(), buffer.size());

		if (n >= static_cast<ssize_t>(sizeof(fuse_in_header)))
			handle({buffer.data(), static_cast<size_t>(n)});
		else if (n < 0 && errno == ENODEV)
			return;
	}
}

void fuse_server::reply(uint64_t id, int error, const void *body, size_t len)
{
	fuse_out_header header = {};
	iovec parts[2] = {{&header, sizeof(header)}, {const_cast<void *>(body), len}};

	header.len = static_cast<uint32_t>(sizeof(header) + len);
	header.error = -error;
	header.unique = id;
	/* ENOENT: the request was aborted meanwhile.  Nobody is left to tell. */
	const ssize_t n = ::writev(device_.get(), parts, len ? 2 : 1);
	(void)n;
}

void fuse_server::answer_lookup(uint64_t id, const fuse_entry &e)
{
	const fuse_entry_out out = entry_of(e);

	if (e.error)
		reply(id, e.error);
	else
		reply(id, 0, &out, sizeof(out));
}

void fuse_server::lookup(uint64_t id, const std::string &name)
{
	const std::lock_guard guard(lock_);
	name_state &n = names_[name];

	n.asked++;
	if (!n.held) {
		answer_lookup(id, n.entry);
		return;
	}
	n.kept.push_back(id);
	n.most = std::max(n.most, static_cast<unsigned>(n.kept.size()));
}

void fuse_server::read_directory(uint64_t id, uint64_t offset, uint32_t size, bool plus)
{
	const std::lock_guard guard(lock_);
	const size_t head = plus ? offsetof(fuse_direntplus, dirent) : 0;
	std::string out;

	for (size_t i = offset; i < listed_.size(); i++) {
		const std::string &name = listed_[i];
		const fuse_entry &e = names_[name].entry;
		const size_t len = FUSE_DIRENT_ALIGN(head + FUSE_NAME_OFFSET + name.size());
		const fuse_entry_out entry = entry_of(e);
		std::string one(len, '\0');
		fuse_dirent d = {};

		if (out.size() + len > size)
			break;
		d.ino = e.node ? e.node : 1000000 + i;
		d.off = i + 1;
		d.namelen = static_cast<uint32_t>(name.size());
		d.type = e.directory ? 4 : 8;	/* DT_DIR, DT_REG */
		if (plus)
			std::memcpy(one.data(), &entry, sizeof(entry));
		std::memcpy(one.data() + head, &d, FUSE_NAME_OFFSET);
		std::memcpy(one.data() + head + FUSE_NAME_OFFSET, name.data(), name.size());
		out += one;
	}
	reply(id, 0, out.data(), out.size());
}

void fuse_server::handle(std::span<const char> message)
{
	fuse_in_header in;

	std::memcpy(&in, message.data(), sizeof(in));
	switch (in.opcode) {
	case FUSE_INIT: {
		const auto init = body_of<fuse_init_in>(message);
		fuse_init_out out = {};

		out.major = FUSE_KERNEL_VERSION;
		out.minor = std::min<uint32_t>(init.minor, FUSE_KERNEL_MINOR_VERSION);
		out.max_readahead = init.max_readahead;
		out.flags = init.flags & (FUSE_DO_READDIRPLUS | FUSE_PARALLEL_DIROPS);
		out.max_background = 16;
		out.congestion_threshold = 12;
		out.max_write = 4096;
		reply(in.unique, 0, &out, sizeof(out));
		break;
	}
	case FUSE_LOOKUP: {
		const char *name = message.data() + sizeof(in);

		lookup(in.unique, std::string(name, ::strnlen(name, message.size() - sizeof(in))));
		break;
	}
	case FUSE_GETATTR: {
		fuse_attr_out out = {};
		bool directory;

		{
			const std::lock_guard guard(lock_);
			directory = directories_[in.nodeid];
		}
		out.attr_valid = long_valid;
		out.attr = attributes(in.nodeid, directory);
		reply(in.unique, 0, &out, sizeof(out));
		break;
	}
	case FUSE_OPEN:
	case FUSE_OPENDIR: {
		const fuse_open_out out = {};

		reply(in.unique, 0, &out, sizeof(out));
		break;
	}
	case FUSE_READDIR:
	case FUSE_READDIRPLUS: {
		const auto read = body_of<fuse_read_in>(message);

		read_directory(in.unique, read.offset, read.size, in.opcode == FUSE_READDIRPLUS);
		break;
	}
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
		reply(in.unique, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;			/* these want no reply */
	default:
		reply(in.unique, ENOSYS);
	}
}
