/* SPDX-License-Identifier: GPL-2.0 */
/* The FUSE server of ours that keeps requests back, and filesystems that show what it shows. */
#pragma once

#include "fs_scene.hpp"
#include "fuse/fuse_holds.hpp"
#include "server_root.hpp"

#include <filesystem>

/*
 * The FUSE server that shows `server_state`/NAME at `where`.  It is started when it does
 * not run, and lives on behind the case.
 */
class held_mirror {
public:
	held_mirror(ktap::test_case &t, const std::string &name, const std::string &where);

	const std::string &source() const { return source_; }
	const std::string &where() const { return where_; }

private:
	std::string source_, where_;

public:
	std::unique_ptr<fuse_holder> holder;
};

/*
 * A filesystem whose names are those of the mirror: FUSE itself, an overlay on it, and what
 * a file server makes of it.
 */
class mirrored_scene : public fs_scene {
public:
	mirrored_scene(ktap::test_case &t, const std::string &name)
		: mirrored_scene(t, name, server_state + "/" + name + ".mnt")
	{
	}
	mirrored_scene(ktap::test_case &t, const std::string &name, const std::string &where)
		: fs_scene(t), mirror_(t, name, where)
	{
		std::filesystem::create_directories(behind(""));
	}

	std::string behind(const std::string &name) const override
	{
		return mirror_.source() + "/" + sub + "/" + name;
	}
	std::string at_server(const std::string &name) const override
	{
		return mirror_.where() + "/" + sub + "/" + name;
	}
	void hold(const std::string &name) override { mirror_.holder->hold("lookup", name); }
	unsigned held(const std::string &name) override
	{
		return mirror_.holder->held("lookup", name);
	}
	void hold(const std::string &op, const std::string &name) override
	{
		mirror_.holder->hold(op, name);
	}
	unsigned held(const std::string &op, const std::string &name) override
	{
		return mirror_.holder->held(op, name);
	}
	unsigned asked(const std::string &op, const std::string &name) override
	{
		return mirror_.holder->asked(op, name);
	}
	void fail(const std::string &name, int error) override
	{
		mirror_.holder->fail("lookup", name, error);
	}
	void lose(const std::string &name, bool lost) override { fail(name, lost ? ENOENT : 0); }
	void go() override { mirror_.holder->go(); }
	void pass(const std::string &name) override { mirror_.holder->pass("lookup", name); }

protected:
	held_mirror mirror_;
};
