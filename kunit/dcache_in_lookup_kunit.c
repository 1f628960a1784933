// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite dcache_in_lookup: d_alloc_parallel() and whoever ends a lookup.
 *
 * The property: of all threads that ask for a name in a directory at the same
 * time one becomes its owner, the others sleep until that lookup has ended,
 * and then every one of them comes back, with the dentry that is hashed under
 * the name, or as the next owner.  It holds for d_alloc_parallel() that takes
 * a wait queue and for the one that waits on the dentry itself.
 *
 * The cases are in one file per subject; this one is the list.
 */
#include <linux/module.h>

#include "dcache_in_lookup.h"

unsigned int dcache_bound_ms = 2000;
module_param_named(bound_ms, dcache_bound_ms, uint, 0444);
MODULE_PARM_DESC(bound_ms, "how long to wait for what has to happen, in milliseconds (default 2000)");

static int dcache_in_lookup_init(struct kunit *test)
{
	/* a run that hangs has named its case */
	pr_info("# running: dcache_in_lookup.%s\n", test->name);
	return 0;
}

static struct kunit_case dcache_in_lookup_cases[] = {
	/* Who owns a name */
	KUNIT_CASE(first_to_ask_owns_the_name),
	KUNIT_CASE(hashed_name_is_found_without_waiting),
	KUNIT_CASE(ended_name_can_be_owned_again),
	KUNIT_CASE(names_that_differ_are_looked_up_at_once),
	KUNIT_CASE(same_name_elsewhere_is_another_name),
	KUNIT_CASE(case_insensitive_parent_makes_one_name_of_many),
	KUNIT_CASE(case_insensitive_waiters_own_it_in_turn),
	KUNIT_CASE(long_names_are_waited_for_too),
	KUNIT_CASE(failed_allocation_leaves_nothing_behind),
	KUNIT_CASE(failed_allocation_does_not_disturb_the_owner),
	KUNIT_CASE(dentry_of_a_pseudo_file_has_operations),
	/* How a lookup ends, and what its waiters get */
	KUNIT_CASE(waiters_get_the_dentry_of_a_positive_add),
	KUNIT_CASE(waiters_get_the_dentry_of_a_negative_add),
	KUNIT_CASE(waiters_get_the_dentry_of_a_positive_splice),
	KUNIT_CASE(waiters_get_the_dentry_of_a_negative_splice),
	KUNIT_CASE(one_waiter_at_a_time_owns_a_name_that_was_not_added),
	KUNIT_CASE(all_of_many_waiters_are_woken),
	KUNIT_CASE(lookup_that_fails_hands_the_name_to_all_in_turn),
	KUNIT_CASE(waiters_get_the_directory_that_a_splice_moves),
	KUNIT_CASE(waiters_get_the_directory_that_a_splice_renames),
	KUNIT_CASE(waiters_get_the_directory_that_a_splice_connects),
	KUNIT_CASE(waiter_owns_the_name_after_a_splice_of_an_error),
	KUNIT_CASE(waiter_owns_the_name_after_a_stale_directory),
	KUNIT_CASE(waiter_owns_the_name_after_a_loop),
	KUNIT_CASE(waiters_on_the_asked_name_own_it_after_add_ci),
	KUNIT_CASE(dentry_has_a_reference_per_waiter_and_one_of_its_owner),
	KUNIT_CASE(lookup_leaves_the_lru_list_alone),
	KUNIT_CASE(ended_lookup_leaves_the_dentry_as_initialised),
	KUNIT_CASE(moved_alias_leaves_the_target_as_initialised),
	/* The wake-up and the bits it goes by */
	KUNIT_CASE(waiter_bit_is_set_while_somebody_waits),
	KUNIT_CASE(waiter_bit_is_not_set_by_who_does_not_wait),
	KUNIT_CASE(nobody_waits_and_no_wake_up_is_sent),
	KUNIT_CASE(waiters_cost_one_wake_up_for_all),
	KUNIT_CASE(wake_up_is_sent_when_the_lookup_has_ended),
	KUNIT_CASE(wake_up_is_sent_when_the_dir_seq_is_even_again),
	KUNIT_CASE(wake_up_is_sent_when_the_dir_seq_has_gone_on_by_two),
	KUNIT_CASE(wake_up_is_sent_when_the_name_is_hashed),
	KUNIT_CASE(dir_seq_has_gone_on_by_two_when_the_lookup_has_ended),
	KUNIT_CASE(dentry_is_hashed_within_the_section_of_the_dir_seq),
	KUNIT_CASE(waiters_are_looked_for_under_d_lock),
	KUNIT_CASE(wake_up_is_sent_under_d_lock),
	KUNIT_CASE(waiters_whose_wake_up_is_lost_are_noticed),
	KUNIT_CASE(both_bits_are_gone_when_the_lookup_has_ended),
	KUNIT_CASE(waiters_are_not_woken_for_another_name),
	KUNIT_CASE(waiters_are_not_woken_for_a_dentry_on_the_same_queue),
	KUNIT_CASE(waiters_hang_on_the_dentry),
	KUNIT_CASE(spurious_wake_ups_do_not_end_the_wait),
	KUNIT_CASE(d_set_d_op_during_a_lookup_keeps_all_bits),
	KUNIT_CASE(waiter_bit_is_nobody_elses),
	KUNIT_CASE(flags_of_a_lookup_are_written_under_d_lock),
	/* Interleavings that are forced */
	KUNIT_CASE(waiters_retry_when_the_dentry_is_dropped_before_they_run),
	KUNIT_CASE(waiters_retry_when_the_dentry_is_renamed_before_they_run),
	KUNIT_CASE(waiters_retry_when_it_is_renamed_to_a_name_of_that_hash),
	KUNIT_CASE(waiters_retry_when_the_dentry_is_moved_before_they_run),
	KUNIT_CASE(waiters_retry_when_it_is_moved_and_has_that_hash_there),
	KUNIT_CASE(waiters_find_what_replaced_the_dentry_before_they_run),
	KUNIT_CASE(waiters_find_the_dentry_added_after_the_lookup_was_done),
	KUNIT_CASE(waiters_that_are_awake_at_the_end_are_not_lost),
	KUNIT_CASE(newcomer_finds_what_was_added_behind_its_back),
	KUNIT_CASE(newcomer_goes_round_until_the_section_is_closed),
	KUNIT_CASE(newcomer_asks_under_d_lock_whether_to_sleep),
	KUNIT_CASE(waiters_read_the_dir_seq_anew_when_they_retry),
	KUNIT_CASE(waiter_that_retries_finds_what_was_added_behind_its_back),
	KUNIT_CASE(waiters_on_the_exact_name_get_it_from_add_ci),
	KUNIT_CASE(add_ci_waits_for_the_exact_name_like_all),
	KUNIT_CASE(d_add_ci_leaves_no_waiter_on_a_lent_queue),
	KUNIT_CASE(d_set_d_op_loses_no_waiter),
	/* Signals and unmounts */
	KUNIT_CASE(sigkill_does_not_end_the_wait),
	KUNIT_CASE(killed_waiters_own_the_name_in_turn),
	KUNIT_CASE(sigkill_that_races_with_the_end_loses_nobody),
	KUNIT_CASE(unmount_is_finished_by_the_last_waiter),
	KUNIT_CASE(unmount_may_race_with_waiters_that_leave),
	/* Callers when something fails */
	KUNIT_CASE(exclusive_create_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(atomic_open_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(slow_lookup_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(open_of_a_known_name_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(waiters_own_the_name_in_turn_when_an_open_fails),
	KUNIT_CASE(open_without_a_dentry_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(each_allocation_of_an_open_may_fail),
	KUNIT_CASE(each_allocation_of_add_ci_may_fail),
	KUNIT_CASE(add_ci_without_a_dentry_gives_its_inode_back),
	KUNIT_CASE(add_ci_that_finds_the_name_gives_its_inode_back),
	KUNIT_CASE(add_ci_that_has_waited_gives_its_inode_back),
	KUNIT_CASE(add_ci_whose_splice_fails_ends_its_lookup),
	KUNIT_CASE(add_ci_of_a_known_directory_ends_its_lookup),
	KUNIT_CASE(waiters_own_the_exact_name_when_add_ci_fails),
	/* Readdir of procfs and sysctl */
	KUNIT_CASE(procfs_readdir_ends_the_lookup_of_an_entry_that_fails),
	KUNIT_CASE(sysctl_readdir_ends_the_lookup_of_an_entry_that_fails),
	KUNIT_CASE(procfs_readdir_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(sysctl_readdir_leaves_no_lookup_and_no_reference),
	KUNIT_CASE(each_allocation_of_a_procfs_readdir_may_fail),
	KUNIT_CASE(each_allocation_of_a_sysctl_readdir_may_fail),
	/* What lookup_doctor says */
	KUNIT_CASE(doctor_knows_a_slow_owner),
	KUNIT_CASE(doctor_knows_a_lost_wake_up),
	KUNIT_CASE(doctor_knows_an_abandoned_lookup),
	KUNIT_CASE(doctor_knows_a_cycle),
	{}
};

static struct kunit_suite dcache_in_lookup_suite = {
	.name = "dcache_in_lookup",
	.init = dcache_in_lookup_init,
	.test_cases = dcache_in_lookup_cases,
};

kunit_test_suite(dcache_in_lookup_suite);

MODULE_DESCRIPTION("KUnit tests of in-lookup dentries");
MODULE_LICENSE("GPL");
/* MODULE_IMPORT_NS() has taken a name, and takes a string; this is what it makes of both. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
