# SPDX-License-Identifier: GPL-2.0
# To be included by a Kbuild file that builds users of dcache_compat.h: looks
# into the headers of the kernel that is built for, never at its version, and
# adds a -DCOMPAT_HAVE_* to ccflags-y for each thing that it finds there.

dcache_probe_h := $(srctree)/include/linux/dcache.h

ifeq ($(wildcard $(dcache_probe_h)),)
$(error dcache_probe.mk: no $(dcache_probe_h): not a kernel tree or its headers)
endif

# $(call dcache_probe,MACRO,header below include/linux,regex without parentheses and commas)
dcache_probe = $(if $(shell grep -s '$(3)' $(srctree)/include/linux/$(2)),-D$(1))

ifeq ($(call dcache_probe,found,dcache.h,\<d_alloc_parallel.struct),)
$(error $(dcache_probe_h) has no d_alloc_parallel(): that kernel is too old)
endif

ccflags-y += $(call dcache_probe,COMPAT_HAVE_D_SET_D_OP,dcache.h,\<d_set_d_op.struct)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_LOCK_WAITER,dcache.h,\<DCACHE_LOCK_WAITER\>)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_LOOKUP_WAITERS,dcache.h,\<DCACHE_LOOKUP_WAITERS\>)
# A kernel that keeps its kABI still shows d_wait to genksyms.
ifeq ($(call dcache_probe,found,dcache.h,\<wait_var_queue[[:space:]]),)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_D_WAIT,dcache.h,\<wait_queue_head_t .d_wait;)
endif
# Some kernels have flags that others have not, as macros or as enumerators.
ccflags-y += $(foreach flag,GENOCIDE NFSFS_RENAMED FALLTHRU PERSISTENT,$(call dcache_probe,COMPAT_HAVE_$(flag),dcache.h,\<DCACHE_$(flag)\>))
ccflags-y += $(call dcache_probe,COMPAT_HAVE_D_LOOKUP_WAITERS,dcache.h,\<wait_var_queue d_lookup_waiters;)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_EVICTION_WAITERS,dcache.h,\<completion_list .waiters;)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_D_SPLICE_ALIAS_OPS,dcache.h,\<d_splice_alias_ops.struct)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_S_D_OP,fs.h,\<dentry_operations .s_d_op;)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_SIMPLE_INODE_INIT_TS,fs.h,\<simple_inode_init_ts\>)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_CREATE_EXCL,fs.h,^[[:space:]]*umode_t. bool.;)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_VMA_FLAGS_T,shmem_fs.h,\<vma_flags_t flags)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_D_ALLOC_TRYLOCK,dcache.h,\<d_alloc_trylock.struct)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_D_BLOCK,dcache.h,\<d_block.struct)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_LOOKUP_UNUSED,namei.h,\<lookup_unused_noperm.struct)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_REVALIDATE_NAME,dcache.h,d_revalidate..struct inode)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_DISOWN,dcache.h,\<d_in_lookup_disown.const)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_DIR_RETRY,fs.h,\<dir_retry.struct dir_context)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_SCHED_DELAYED,sched.h,\<sched_delayed;)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_D_U,dcache.h,[}] d_u;)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_D_CHILDREN,dcache.h,\<hlist_head d_children;)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_MNT_IDMAP,fs.h,\<create. .struct mnt_idmap)
ccflags-y += $(call dcache_probe,COMPAT_HAVE_KUNIT_ACTIONS,../kunit/resource.h,\<kunit_add_action_or_reset\>)

# Headers do not tell which filesystem asks for a retry, nor what a function does.  Where there are only headers the
# suites that need it have nothing to run on: a packaged kernel has no KUnit.
dcache_probe_source = $(if $(shell grep -s '$(3)' $(srctree)/$(2)),-D$(1))
ccflags-y += $(call dcache_probe_source,COMPAT_HAVE_PROCFS_RETRY,fs/proc/base.c,\<dir_retry.ctx)
ccflags-y += $(call dcache_probe_source,COMPAT_HAVE_SYSCTL_RETRY,fs/proc/proc_sysctl.c,\<dir_retry.ctx)
ccflags-y += $(call dcache_probe_source,COMPAT_HAVE_AFS_BLOCK,fs/afs/dir.c,\<d_block.)
ccflags-y += $(call dcache_probe_source,COMPAT_HAVE_ADD_CI_OF_ITSELF,fs/dcache.c,\<d_same_name.dentry. dentry->d_parent. name)

# Module.symvers lists what modules may use.  A tree that is yet to be built, for suites
# that are built in, does not have it.
ifneq ($(wildcard $(objtree)/Module.symvers),)
ccflags-y += $(if $(shell grep -w stack_trace_save_tsk $(objtree)/Module.symvers),,-DCOMPAT_LACKS_STACK_TRACE_SAVE_TSK)
endif
