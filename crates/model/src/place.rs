//! The place that functions run in, as small as it can be: two functions with code, settings, versions and an alias, each write
//! guarded by a token that counts up and never comes back.
//!
//! The rules are those of `tiers_lambda::model` where a deployer meets them: a stale token changes nothing; an update to the code
//! that is there moves the token; publishing what the last version has answers that version and makes nothing; writing to an
//! alias what it already says leaves its token as it is, which is the case that is harder for a deployer.

use tiers_core::event::Resource;

/// Versions that one function may have in a search.
pub const MOST_VERSIONS: usize = 5;

/// A numbered version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Published {
    pub code: u8,
    pub settings: u8,
    /// The deployment whose call made it; [`BEFORE_ALL`] for those that were there.
    pub by: u8,
}

/// Who made the versions that are there in the beginning.
pub const BEFORE_ALL: u8 = u8::MAX;

/// Where an alias points; the weight is in percent, to the version `second`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pointer {
    pub version: u8,
    pub second: u8,
    pub percent: u8,
    /// The description, by its number.
    pub mark: u32,
}

/// A function with its alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Function {
    pub code: u8,
    pub settings: u8,
    pub token: u8,
    pub versions: [Published; MOST_VERSIONS],
    pub count: u8,
    pub alias: Pointer,
    pub alias_token: u8,
}

/// What a call changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    Code { code: u8 },
    Publish { code: u8, by: u8 },
    Point { version: u8, second: u8, percent: u8, mark: u32 },
}

/// A call as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    pub function: u8,
    pub token: u8,
    pub change: Change,
}

/// What the service says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Answer {
    /// None yet.
    #[default]
    Awaited,
    Accepted,
    /// To a publish: the version.
    Version(u8),
    Refused,
    /// Given up on; the call may still land.
    Unclear,
}

impl Call {
    pub fn resource(&self) -> Resource {
        match self.change {
            Change::Code { .. } | Change::Publish { .. } => Resource::Function,
            Change::Point { .. } => Resource::Alias,
        }
    }

    /// True while its token is the one that the resource has.
    pub fn can_land(&self, functions: &[Function; 2]) -> bool {
        let function = &functions[usize::from(self.function)];
        match self.resource() {
            Resource::Function => function.token == self.token,
            Resource::Alias => function.alias_token == self.token,
        }
    }
}

impl Function {
    /// The version with this number.
    pub fn version(&self, number: u8) -> Published {
        self.versions[usize::from(number) - 1]
    }

    /// Adds a version; answers its number.
    pub fn publish(&mut self, by: u8) -> u8 {
        let made = Published { code: self.code, settings: self.settings, by };
        let slot = self.versions.get_mut(usize::from(self.count)).expect("no search publishes more versions");
        *slot = made;
        self.count += 1;
        self.count
    }

    /// The call arrives.
    pub fn land(&mut self, call: &Call) -> Answer {
        match call.change {
            Change::Code { code } if self.token == call.token => {
                self.code = code;
                self.token += 1;
                Answer::Accepted
            }
            Change::Publish { code, by } if self.token == call.token && self.code == code => {
                let last = self.version(self.count);
                if (last.code, last.settings) == (self.code, self.settings) {
                    return Answer::Version(self.count);
                }
                self.token += 1;
                Answer::Version(self.publish(by))
            }
            Change::Point { version, second, percent, mark } if self.alias_token == call.token => {
                self.point(Pointer { version, second, percent, mark });
                Answer::Accepted
            }
            Change::Code { .. } | Change::Publish { .. } | Change::Point { .. } => Answer::Refused,
        }
    }

    /// Moves the alias, whoever asks.
    pub fn point(&mut self, to: Pointer) {
        if self.alias != to {
            self.alias = to;
            self.alias_token += 1;
        }
    }
}
