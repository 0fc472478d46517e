//! One component's progress through a deployment, and what each finding means for it.

use serde::{Deserialize, Serialize};

use crate::event::{Finding, Found, Step};
use crate::id::{Component, Token, Version};

/// One component's progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub component: Component,
    /// The last token of `$LATEST` that was seen while it held what this deployment put there.
    pub function_token: Option<Token>,
    pub staged: bool,
    /// Published and proven, or recorded earlier where the deployment is a rollback.
    pub version: Option<Version>,
    /// How many steps of the shift its alias has been through.
    pub steps_done: usize,
    /// An intent to write to the function or to the alias was recorded, so it may have been changed.
    pub touched_function: bool,
    pub touched_alias: bool,
    /// The alias was seen back at what was recorded.
    pub back: bool,
    pub latest: Latest,
    pub confirmed: bool,
    /// What somebody else wrote, if a look found that.
    pub foreign: Option<String>,
}

/// What becomes of `$LATEST` when a deployment is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "latest", rename_all = "kebab-case")]
pub enum Latest {
    Untouched,
    Restored,
    /// Not ours any more, or it could not be put back; users don't see it.
    Left {
        why: String,
    },
}

impl Part {
    /// Nothing was done yet; a rollback knows its version already.
    pub(super) fn untouched(component: Component, version: &Option<Version>) -> Part {
        Part {
            component,
            function_token: None,
            staged: false,
            version: version.clone(),
            steps_done: 0,
            touched_function: false,
            touched_alias: false,
            back: false,
            latest: Latest::Untouched,
            confirmed: false,
            foreign: None,
        }
    }

    /// Takes what a look after this step found.
    pub(super) fn settle(&mut self, step: Step, finding: &Finding) {
        match (&finding.found, step) {
            (Found::After { .. }, Step::Stage) => {
                self.staged = true;
                self.function_token.clone_from(&finding.function_token);
            }
            (Found::After { version }, Step::Publish) => {
                self.version.clone_from(version);
                self.function_token.clone_from(&finding.function_token);
            }
            (Found::After { .. }, Step::Shift { number }) => self.steps_done = self.steps_done.max(number + 1),
            (Found::After { .. }, Step::Unshift) => self.back = true,
            (Found::After { .. }, Step::Restore) => self.latest = Latest::Restored,
            (Found::After { .. }, Step::LastLook) => self.confirmed = true,
            // After a fence the function's token is ours again only where it holds what this deployment staged.
            (Found::After { .. }, Step::Fence) => {
                if finding.function_token.is_some() {
                    self.function_token.clone_from(&finding.function_token);
                }
            }
            (Found::Foreign { what }, Step::Restore) => self.latest = Latest::Left { why: what.clone() },
            (Found::Foreign { what }, Step::Unshift) => self.foreign = Some(what.clone()),
            // A fence only moves tokens: what it sees is judged by the step that follows.
            (Found::Foreign { .. }, Step::Fence) => {}
            (Found::Foreign { what }, Step::Stage | Step::Publish | Step::Shift { .. } | Step::LastLook) => {
                self.foreign = Some(what.clone());
            }
            (Found::Before | Found::Unseen { .. }, _) => {}
        }
    }

    /// How many things are done.
    pub(super) fn progress(&self) -> usize {
        usize::from(self.staged)
            + usize::from(self.version.is_some())
            + self.steps_done
            + usize::from(self.back)
            + usize::from(self.latest != Latest::Untouched)
            + usize::from(self.confirmed)
    }
}
