//! How many connections the limit of open files allows.

/// Files that are open beside the connections: standard streams, the runtime's, look-ups of names.
const BESIDE: u64 = 64;

/// How many connections there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// At once.
    pub most: usize,
    /// What `ulimit -n` would have to be for one each, where it is less.
    pub files_wanted: Option<u64>,
}

/// Connections for this many bots under the limit of open files of this process.
#[must_use]
pub fn connections(bots: u32) -> Connections {
    within(bots, open_files_limit())
}

fn within(bots: u32, limit: Option<u64>) -> Connections {
    let wanted = files_for(u64::from(bots));
    match limit {
        Some(limit) if limit < wanted => {
            let fit = limit.saturating_sub(BESIDE) / 2;
            Connections { most: (fit as usize).max(1), files_wanted: Some(wanted) }
        }
        _ => Connections { most: bots as usize, files_wanted: None },
    }
}

/// Two for each: while a connection is being made for a request, another may come free and be used for it;
/// the new one is then kept in reserve.
const fn files_for(connections: u64) -> u64 {
    2 * connections + BESIDE
}

/// The soft limit, as Linux tells it; none where that is another system or there is no limit.
fn open_files_limit() -> Option<u64> {
    limit_in(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

fn limit_in(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_share_the_connections_that_fit() {
        assert_eq!(within(480, Some(1_024)), Connections { most: 480, files_wanted: None });
        assert_eq!(within(2_000, Some(1_024)), Connections { most: 480, files_wanted: Some(4_064) });
        assert_eq!(within(2_000, None).most, 2_000);
        assert_eq!(within(1, Some(3)).most, 1);
    }

    #[test]
    fn the_limit_is_read_as_the_kernel_writes_it() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(limit_in(limits), Some(1_024));
        assert_eq!(limit_in(&limits.replace("1024", "unlimited")), None);
    }
}
