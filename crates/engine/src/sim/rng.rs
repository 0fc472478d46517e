//! The one source of chance: a small generator that a seed decides, with forks, so that what one part of the world draws never
//! moves what another part draws. That is what lets a failing seed be made smaller by leaving parts out.

use std::cell::Cell;

/// SplitMix64 (Steele, Lea and Flood, 2014): 64 bits of state, every seed good.
#[derive(Debug)]
pub struct Rng(Cell<u64>);

impl Rng {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Rng {
        Rng(Cell::new(seed))
    }

    /// Another generator that has nothing to do with this one, decided by this one's seed and `tag`; draws nothing.
    pub fn fork(&self, tag: u64) -> Rng {
        let mixed = Rng::new(self.0.get() ^ tag.wrapping_mul(0xd6e8_feb8_6659_fd93));
        Rng::new(mixed.next())
    }

    /// 64 bits.
    pub fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `n - 1`; `n` is not 0.
    pub fn below(&self, n: u64) -> u64 {
        self.next() % n
    }

    /// `low` to `high`, both included.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in `percent` of 100 draws.
    pub fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// In [0, 1).
    pub fn fraction(&self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Mostly short, sometimes long, seldom very long: how networks and people take their time.
    pub fn long_tail_ms(&self) -> u64 {
        match self.below(10) {
            0..=4 => self.between(20, 3_000),
            5..=7 => self.between(3_000, 120_000),
            8 => self.between(120_000, 1_800_000),
            _ => self.between(1_800_000, 14_400_000),
        }
    }
}
