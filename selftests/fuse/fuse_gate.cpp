// SPDX-License-Identifier: GPL-2.0
/*
 * See fuse_gate.hpp.  One thread reads requests; replies to held LOOKUPs are
 * written by the thread of the test, which is fine: a reply is one write().
 *
 * lock_ covers names_, directories_, listed_, created_, forgotten_, known_ and stops_.
 */
#include "fuse_gate.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>

namespace {

constexpr uint64_t long_valid = 100000;		/* seconds; nothing shall be asked again */

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

} /* namespace */

fuse_gate::fuse_gate(const std::string &target) : connection_(target, "allow_other")
{
	directories_[FUSE_ROOT_ID] = true;
	thread_ = std::jthread([this] {
		connection_.serve([this](const fuse_request &q) { handle(q); });
	});
}

fuse_gate::~fuse_gate()
{
	release_all();
	connection_.end();
}

void fuse_gate::set(const std::string &name, fuse_entry e)
{
	const std::lock_guard guard(lock_);

	names_[name].entry = e;
	if (e.node)
		directories_[e.node] = e.directory;
}

void fuse_gate::hold(const std::string &name)
{
	const std::lock_guard guard(lock_);

	names_[name].held = true;
}

bool fuse_gate::reply_one(const std::string &name)
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

void fuse_gate::release_all()
{
	const std::lock_guard guard(lock_);

	for (auto &[name, n] : names_) {
		n.held = false;
		for (const uint64_t id : n.kept)
			answer_lookup(id, n.entry);
		n.kept.clear();
	}
	stops_ = false;
	goes_on_.notify_all();
}

void fuse_gate::stop_behind_list()
{
	const std::lock_guard guard(lock_);

	stops_ = true;
}

unsigned fuse_gate::asked(const std::string &name)
{
	const std::lock_guard guard(lock_);

	return names_[name].asked;
}

unsigned fuse_gate::waiting(const std::string &name)
{
	const std::lock_guard guard(lock_);

	return static_cast<unsigned>(names_[name].kept.size());
}

unsigned fuse_gate::most_at_once(const std::string &name)
{
	const std::lock_guard guard(lock_);

	return names_[name].most;
}

uint64_t fuse_gate::forgotten(uint64_t node)
{
	const std::lock_guard guard(lock_);

	return forgotten_[node];
}

void fuse_gate::list(const std::vector<std::string> &names)
{
	const std::lock_guard guard(lock_);

	listed_ = names;
}

void fuse_gate::answer_lookup(uint64_t id, const fuse_entry &e)
{
	const fuse_entry_out out = entry_of(e);

	if (e.error)
		connection_.reply(id, e.error);
	else if (connection_.reply_with(id, out) && e.node)
		known_[e.node]++;
}

void fuse_gate::set_created(fuse_entry e)
{
	const std::lock_guard guard(lock_);

	created_ = e;
	if (e.node)
		directories_[e.node] = e.directory;
}

std::map<uint64_t, int64_t> fuse_gate::known()
{
	const std::lock_guard guard(lock_);
	std::map<uint64_t, int64_t> rest = known_;

	std::erase_if(rest, [](const auto &node) { return !node.second; });
	return rest;
}

void fuse_gate::create(const fuse_request &q)
{
	struct {
		fuse_entry_out entry;
		fuse_open_out open;
	} out = {};
	const std::lock_guard guard(lock_);

	if (created_.error || q.header.opcode == FUSE_MKNOD) {
		answer_lookup(q.header.unique, created_);
		return;
	}
	out.entry = entry_of(created_);
	if (connection_.reply_with(q.header.unique, out))
		known_[created_.node]++;
}

void fuse_gate::forget(uint64_t node, uint64_t times)
{
	forgotten_[node] += times;
	known_[node] -= static_cast<int64_t>(times);
}

void fuse_gate::forget(const fuse_request &q)
{
	const std::lock_guard guard(lock_);

	if (q.header.opcode == FUSE_FORGET) {
		forget(q.header.nodeid, q.body<fuse_forget_in>().nlookup);
		return;
	}
	const auto in = q.body<fuse_batch_forget_in>();

	for (uint32_t i = 0; i < in.count; i++) {
		fuse_forget_one one;

		std::memcpy(&one, q.text(sizeof(in) + i * sizeof(one)), sizeof(one));
		forget(one.nodeid, one.nlookup);
	}
}

void fuse_gate::lookup(uint64_t id, const std::string &name)
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

void fuse_gate::get_attributes(const fuse_request &q)
{
	fuse_attr_out out = {};
	bool directory;

	{
		const std::lock_guard guard(lock_);
		directory = directories_[q.header.nodeid];
	}
	out.attr_valid = long_valid;
	out.attr = attributes(q.header.nodeid, directory);
	connection_.reply_with(q.header.unique, out);
}

void fuse_gate::read_directory(const fuse_request &q)
{
	std::unique_lock guard(lock_);
	std::vector<uint64_t> told;
	fuse_listing out(q);

	for (size_t i = q.body<fuse_read_in>().offset; i < listed_.size(); i++) {
		const std::string &name = listed_[i];
		const fuse_entry &e = names_[name].entry;

		if (!out.fits(name))
			break;
		out.add(name, e.node ? e.node : 1000000 + i, i + 1,
			e.directory ? DT_DIR : DT_REG, entry_of(e));
		if (out.plus() && e.node)
			told.push_back(e.node);
	}
	if (connection_.reply(q.header.unique, out.text()))
		for (const uint64_t node : told)
			known_[node]++;
	if (out.plus())
		goes_on_.wait(guard, [this] { return !stops_; });
}

void fuse_gate::handle(const fuse_request &q)
{
	switch (q.header.opcode) {
	case FUSE_LOOKUP:
		lookup(q.header.unique, q.text());
		break;
	case FUSE_GETATTR:
		get_attributes(q);
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		connection_.reply_with(q.header.unique, fuse_open_out{});
		break;
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
		read_directory(q);
		break;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
		connection_.reply(q.header.unique, 0);
		break;
	case FUSE_CREATE:
	case FUSE_MKNOD:
		create(q);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		forget(q);
		break;
	case FUSE_INTERRUPT:
		break;			/* like the two above it wants no reply */
	default:
		connection_.reply(q.header.unique, ENOSYS);
	}
}
