//! The processor's time of this process.

use std::time::Duration;

/// Time in the program and in the system, of all threads; nothing where there is no /proc.
#[derive(Clone, Copy, Default)]
pub struct Cpu {
    pub user: Duration,
    pub system: Duration,
}

impl Cpu {
    pub fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // Behind the name, which may have spaces; in hundredths of a second (proc(5)).
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let mut times = fields.split_whitespace().skip(11).map(|field| field.parse().unwrap_or(0));
        let mut next = || Duration::from_millis(10 * times.next().unwrap_or(0));
        Self { user: next(), system: next() }
    }
}

impl std::ops::Sub for Cpu {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { user: self.user - other.user, system: self.system - other.system }
    }
}
