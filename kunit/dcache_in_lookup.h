/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cases of the suite dcache_in_lookup, which dcache_in_lookup_kunit.c puts
 * together.  A new case goes into the file of its subject, here and there.
 */
#ifndef DCACHE_IN_LOOKUP_H
#define DCACHE_IN_LOOKUP_H

#include "dcache_playground.h"

/* dcache_in_lookup_name_kunit.c: Who owns a name */
void first_to_ask_owns_the_name(struct kunit *test);
void hashed_name_is_found_without_waiting(struct kunit *test);
void ended_name_can_be_owned_again(struct kunit *test);
void names_that_differ_are_looked_up_at_once(struct kunit *test);
void same_name_elsewhere_is_another_name(struct kunit *test);
void case_insensitive_parent_makes_one_name_of_many(struct kunit *test);
void case_insensitive_waiters_own_it_in_turn(struct kunit *test);
void long_names_are_waited_for_too(struct kunit *test);
void failed_allocation_leaves_nothing_behind(struct kunit *test);
void failed_allocation_does_not_disturb_the_owner(struct kunit *test);
void dentry_of_a_pseudo_file_has_operations(struct kunit *test);

/* dcache_in_lookup_end_kunit.c: How a lookup ends, and what its waiters get */
void waiters_get_the_dentry_of_a_positive_add(struct kunit *test);
void waiters_get_the_dentry_of_a_negative_add(struct kunit *test);
void waiters_get_the_dentry_of_a_positive_splice(struct kunit *test);
void waiters_get_the_dentry_of_a_negative_splice(struct kunit *test);
void one_waiter_at_a_time_owns_a_name_that_was_not_added(struct kunit *test);
void all_of_many_waiters_are_woken(struct kunit *test);
void lookup_that_fails_hands_the_name_to_all_in_turn(struct kunit *test);
void waiters_get_the_directory_that_a_splice_moves(struct kunit *test);
void waiters_get_the_directory_that_a_splice_renames(struct kunit *test);
void waiters_get_the_directory_that_a_splice_connects(struct kunit *test);
void waiter_owns_the_name_after_a_splice_of_an_error(struct kunit *test);
void waiter_owns_the_name_after_a_stale_directory(struct kunit *test);
void waiter_owns_the_name_after_a_loop(struct kunit *test);
void waiters_on_the_asked_name_own_it_after_add_ci(struct kunit *test);
void dentry_has_a_reference_per_waiter_and_one_of_its_owner(struct kunit *test);
void lookup_leaves_the_lru_list_alone(struct kunit *test);
void ended_lookup_leaves_the_dentry_as_initialised(struct kunit *test);
void moved_alias_leaves_the_target_as_initialised(struct kunit *test);

/* dcache_in_lookup_wake_kunit.c: The wake-up and the bits it goes by */
void waiter_bit_is_set_while_somebody_waits(struct kunit *test);
void waiter_bit_is_not_set_by_who_does_not_wait(struct kunit *test);
void nobody_waits_and_no_wake_up_is_sent(struct kunit *test);
void waiters_cost_one_wake_up_for_all(struct kunit *test);
void wake_up_is_sent_when_the_lookup_has_ended(struct kunit *test);
void wake_up_is_sent_when_the_dir_seq_is_even_again(struct kunit *test);
void wake_up_is_sent_when_the_dir_seq_has_gone_on_by_two(struct kunit *test);
void wake_up_is_sent_when_the_name_is_hashed(struct kunit *test);
void dir_seq_has_gone_on_by_two_when_the_lookup_has_ended(struct kunit *test);
void dentry_is_hashed_within_the_section_of_the_dir_seq(struct kunit *test);
void waiters_are_looked_for_under_d_lock(struct kunit *test);
void wake_up_is_sent_under_d_lock(struct kunit *test);
void waiters_whose_wake_up_is_lost_are_noticed(struct kunit *test);
void both_bits_are_gone_when_the_lookup_has_ended(struct kunit *test);
void waiters_are_not_woken_for_another_name(struct kunit *test);
void waiters_are_not_woken_for_a_dentry_on_the_same_queue(struct kunit *test);
void waiters_hang_on_the_dentry(struct kunit *test);
void spurious_wake_ups_do_not_end_the_wait(struct kunit *test);
void d_set_d_op_during_a_lookup_keeps_all_bits(struct kunit *test);
void waiter_bit_is_nobody_elses(struct kunit *test);
void flags_of_a_lookup_are_written_under_d_lock(struct kunit *test);

/* dcache_in_lookup_forced_kunit.c: Interleavings that are forced */
void waiters_retry_when_the_dentry_is_dropped_before_they_run(struct kunit *test);
void waiters_retry_when_the_dentry_is_renamed_before_they_run(struct kunit *test);
void waiters_retry_when_it_is_renamed_to_a_name_of_that_hash(struct kunit *test);
void waiters_retry_when_the_dentry_is_moved_before_they_run(struct kunit *test);
void waiters_retry_when_it_is_moved_and_has_that_hash_there(struct kunit *test);
void waiters_find_what_replaced_the_dentry_before_they_run(struct kunit *test);
void waiters_find_the_dentry_added_after_the_lookup_was_done(struct kunit *test);
void waiters_that_are_awake_at_the_end_are_not_lost(struct kunit *test);
void newcomer_finds_what_was_added_behind_its_back(struct kunit *test);
void newcomer_goes_round_until_the_section_is_closed(struct kunit *test);
void newcomer_asks_under_d_lock_whether_to_sleep(struct kunit *test);
void waiters_read_the_dir_seq_anew_when_they_retry(struct kunit *test);
void waiter_that_retries_finds_what_was_added_behind_its_back(struct kunit *test);
void waiters_on_the_exact_name_get_it_from_add_ci(struct kunit *test);
void add_ci_waits_for_the_exact_name_like_all(struct kunit *test);
void d_add_ci_leaves_no_waiter_on_a_lent_queue(struct kunit *test);
void d_set_d_op_loses_no_waiter(struct kunit *test);

/* dcache_in_lookup_leave_kunit.c: Signals and unmounts */
void sigkill_does_not_end_the_wait(struct kunit *test);
void killed_waiters_own_the_name_in_turn(struct kunit *test);
void sigkill_that_races_with_the_end_loses_nobody(struct kunit *test);
void unmount_is_finished_by_the_last_waiter(struct kunit *test);
void unmount_may_race_with_waiters_that_leave(struct kunit *test);

/* dcache_in_lookup_error_kunit.c: Callers when something fails */
void exclusive_create_leaves_no_lookup_and_no_reference(struct kunit *test);
void atomic_open_leaves_no_lookup_and_no_reference(struct kunit *test);
void slow_lookup_leaves_no_lookup_and_no_reference(struct kunit *test);
void open_of_a_known_name_leaves_no_lookup_and_no_reference(struct kunit *test);
void waiters_own_the_name_in_turn_when_an_open_fails(struct kunit *test);
void open_without_a_dentry_leaves_no_lookup_and_no_reference(struct kunit *test);
void each_allocation_of_an_open_may_fail(struct kunit *test);
void each_allocation_of_add_ci_may_fail(struct kunit *test);
void add_ci_without_a_dentry_gives_its_inode_back(struct kunit *test);
void add_ci_that_finds_the_name_gives_its_inode_back(struct kunit *test);
void add_ci_that_has_waited_gives_its_inode_back(struct kunit *test);
void add_ci_whose_splice_fails_ends_its_lookup(struct kunit *test);
void add_ci_of_a_known_directory_ends_its_lookup(struct kunit *test);
void waiters_own_the_exact_name_when_add_ci_fails(struct kunit *test);

/* dcache_in_lookup_proc_kunit.c: Readdir of procfs and sysctl */
void procfs_readdir_ends_the_lookup_of_an_entry_that_fails(struct kunit *test);
void sysctl_readdir_ends_the_lookup_of_an_entry_that_fails(struct kunit *test);
void procfs_readdir_leaves_no_lookup_and_no_reference(struct kunit *test);
void sysctl_readdir_leaves_no_lookup_and_no_reference(struct kunit *test);
void each_allocation_of_a_procfs_readdir_may_fail(struct kunit *test);
void each_allocation_of_a_sysctl_readdir_may_fail(struct kunit *test);

/* dcache_in_lookup_doctor_kunit.c: What lookup_doctor says */
void doctor_knows_a_slow_owner(struct kunit *test);
void doctor_knows_a_lost_wake_up(struct kunit *test);
void doctor_knows_an_abandoned_lookup(struct kunit *test);
void doctor_knows_a_cycle(struct kunit *test);

#endif
