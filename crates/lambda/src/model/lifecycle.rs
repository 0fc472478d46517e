//! What changes without a call: states that end, updates that complete, functions that nobody uses, images that vanish.
//!
//! Nothing here runs in the background. Whatever a call touches is first brought to the call's moment, by the same steps in the
//! same order whether it is asked often or seldom; each step moves the revision, as the service's own steps do.

use super::images::Images;
use super::state::{Form, FunctionState, Model, Options, Phase, Update};

impl FunctionState {
    /// Brings `$LATEST` to `now_ms`.
    pub(super) fn settle(&mut self, images: &Images, options: &Options, now_ms: u64) {
        if let Update::InProgress { until_ms } = self.update
            && until_ms <= now_ms
        {
            let content = &self.latest.content;
            if images.exists(&content.repository, &content.digest) {
                self.update = Update::Successful;
                self.serving = None;
                // An update makes the resources anew, so it also ends a state that was not Active.
                self.latest.phase = Phase::Active;
            } else {
                self.update = Update::Failed;
            }
            self.latest.last_used_ms = until_ms;
            self.latest.revision.bump();
        }
        if !matches!(self.update, Update::InProgress { .. }) {
            // After a failed update the image that counts is still the one that runs.
            let runs = self.serving.as_ref().unwrap_or(&self.latest.content);
            let exists = images.exists(&runs.repository, &runs.digest);
            self.latest.settle(exists, options, now_ms);
        }
    }

    /// Brings the version of this number to `now_ms`.
    pub(super) fn settle_version(&mut self, number: u64, images: &Images, options: &Options, now_ms: u64) {
        if let Some(form) = self.versions.get_mut(&number) {
            let exists = images.exists(&form.content.repository, &form.content.digest);
            form.settle(exists, options, now_ms);
        }
    }

    /// Brings all of it to `now_ms`.
    pub(super) fn settle_with_versions(&mut self, images: &Images, options: &Options, now_ms: u64) {
        self.settle(images, options, now_ms);
        let numbers: Vec<u64> = self.versions.keys().copied().collect();
        for number in numbers {
            self.settle_version(number, images, options, now_ms);
        }
    }
}

impl Form {
    /// Brings a version, or a `$LATEST` that is not being updated, to `now_ms`; `exists` tells whether its image does.
    fn settle(&mut self, exists: bool, options: &Options, now_ms: u64) {
        if let Phase::Pending { until_ms, restoring } = self.phase
            && until_ms <= now_ms
        {
            let end = match (exists, restoring) {
                (true, _) => Phase::Active,
                (false, true) => Phase::ImageGone,
                (false, false) => Phase::Failed,
            };
            self.last_used_ms = until_ms;
            self.enter(end);
        }
        if self.phase == Phase::Active
            && let Some(idle_after_ms) = options.idle_after_ms
            && self.last_used_ms.saturating_add(idle_after_ms) <= now_ms
        {
            self.enter(Phase::Idle);
        }
        if self.phase == Phase::Idle && !exists {
            self.enter(Phase::ImageGone);
        }
    }

    /// Another state, and with it another revision.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.revision.bump();
    }
}

impl Model {
    /// Brings everything to `now_ms`: before an image appears or goes, what ended earlier must have ended with the image as it
    /// was then.
    pub(super) fn settle_all(&mut self, now_ms: u64) {
        let Model { options, images, planes } = self;
        for plane in planes.values_mut().flat_map(|regions| regions.values_mut()) {
            plane.now_ms = plane.now_ms.max(now_ms);
            for function in plane.functions.values_mut() {
                function.settle_with_versions(images, options, plane.now_ms);
            }
        }
    }
}
