//! How much memory a child may have: its limit, or what the control group has left.
//!
//! Where a container's control group has `memory.oom.group` set, as Kubernetes does it, the end of one process for want of memory is the end of all of
//! them. So a child must come to its own limit before the group comes to the group's.

use std::{fs, path::Path};

use crate::limits;

/// Where version 2 of control groups is mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// What a child may have, and whether it is less than it might.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) memory: u64,
    pub(super) lowered: bool,
}

/// The budget for a child that starts now.
pub(super) fn budget(limit: u64) -> Budget {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    within(limit, memory_left(Path::new(ROOT), own_group(&own)))
}

/// Keeps back what the server needs while the child works.
fn within(limit: u64, left: Option<u64>) -> Budget {
    let left = left.map(|left| left.saturating_sub(limits::COMPILE_RESERVE));
    match left {
        Some(left) if left < limit => Budget { memory: left, lowered: true },
        _ => Budget { memory: limit, lowered: false },
    }
}

/// The path of the own group in `/proc/self/cgroup`, relative to the root. Inside a container that is the root itself.
fn own_group(text: &str) -> &str {
    let line = text.lines().find_map(|line| line.strip_prefix("0::"));
    line.unwrap_or_default().trim_start_matches('/')
}

/// The least that a group or one of those above it has left; nothing where no group has a limit, or where there is no version 2.
fn memory_left(root: &Path, group: &str) -> Option<u64> {
    let own = root.join(group);
    // A group outside of our view (`/../other`) is seen as the root at most.
    let groups = own.ancestors().take_while(|folder| folder.starts_with(root));
    groups.filter_map(group_left).min()
}

fn group_left(folder: &Path) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(folder.join(name));
    left(&read("memory.max").ok()?, &read("memory.current").ok()?, &read("memory.stat").unwrap_or_default())
}

/// What is left of a limit. Pages of files that nobody uses count as free, as they do for Kubernetes: the kernel drops them first.
fn left(max: &str, current: &str, stat: &str) -> Option<u64> {
    // "max" is no number, and no limit.
    let max: u64 = max.trim().parse().ok()?;
    let current: u64 = current.trim().parse().ok()?;
    let inactive = stat.lines().find_map(|line| line.strip_prefix("inactive_file "));
    let inactive: u64 = inactive.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0);
    Some(max.saturating_sub(current.saturating_sub(inactive)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_is_left_is_the_limit_without_what_is_in_use() {
        assert_eq!(left("1000\n", "300\n", ""), Some(700));
        assert_eq!(left("1000\n", "300\n", "anon 10\ninactive_file 100\nactive_file 50\n"), Some(800));
        assert_eq!(
            left("1000\n", "1200\n", ""),
            Some(0),
            "for a moment there may be more in use than allowed"
        );
        assert_eq!(left("1000\n", "300\n", "inactive_file 900\n"), Some(1000));
        assert_eq!(left("max\n", "300\n", ""), None);
        assert_eq!(left("1000\n", "garbage\n", ""), None);
    }

    #[test]
    fn the_server_keeps_its_reserve() {
        let limit = 1536 * MIB;
        assert_eq!(within(limit, None), Budget { memory: limit, lowered: false });
        assert_eq!(within(limit, Some(4096 * MIB)), Budget { memory: limit, lowered: false });
        let left = Budget { memory: 900 * MIB - limits::COMPILE_RESERVE, lowered: true };
        assert_eq!(within(limit, Some(900 * MIB)), left);
        assert_eq!(within(limit, Some(1)), Budget { memory: 0, lowered: true });
    }

    #[test]
    fn the_tightest_group_counts() {
        let root = tempfile::tempdir().unwrap();
        let group = |path: &str, max: &str, current: &str| {
            let folder = root.path().join(path);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("memory.max"), max).unwrap();
            fs::write(folder.join("memory.current"), current).unwrap();
        };
        assert_eq!(memory_left(root.path(), "a/b"), None, "there is nothing to read");
        group("a/b", "max\n", "10\n");
        assert_eq!(memory_left(root.path(), "a/b"), None);
        group("a", "5000\n", "1000\n");
        assert_eq!(memory_left(root.path(), "a/b"), Some(4000));
        group("", "1500\n", "1400\n");
        assert_eq!(memory_left(root.path(), "a/b"), Some(100));
        assert_eq!(memory_left(root.path(), ""), Some(100), "a container sees its own group as the root");
        assert_eq!(memory_left(root.path(), "gone"), Some(100));
    }

    #[test]
    fn the_own_group_is_that_of_version_2() {
        assert_eq!(
            own_group("9:name=systemd:/\n4:memory:/process/x\n0::/user.slice/app.scope\n"),
            "user.slice/app.scope"
        );
        assert_eq!(own_group("0::/\n"), "");
        assert_eq!(own_group("4:memory:/x\n"), "");
    }
}
