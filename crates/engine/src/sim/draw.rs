//! What a seed means: the world that it begins with, who acts in it and when, how releases behave, and what goes wrong.

use std::collections::BTreeSet;

use tiers_core::gate::{At, Check, Effect, Expect, Gate, Request};
use tiers_core::id::{Component, Digest};
use tiers_core::plan::{OnFailure, ShiftStep};

use super::net::Doom;
use super::rng::Rng;
use super::weather::{Cut, Fault, Faults, Service};
use super::world::ENVS;

/// The releases of every world, by number. The fourth is another build of the third's inputs; the last one is only made at the
/// end, and is good everywhere.
pub const RELEASES: [&str; 6] = ["r-zero", "r-one", "r-two", "r-two-again", "r-three", "r-last"];
/// The number of the release that is made at the end.
pub const LAST: usize = 5;

/// What a world begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Base {
    /// Functions and aliases, and an empty ledger.
    Virgin,
    /// `r-one` everywhere, after `r-zero`.
    Plain,
    /// And `r-two` verified in dev.
    TwoInDev,
    /// And in staging.
    TwoInStaging,
    /// `r-two` verified in dev, and after it `r-two-again` let stand there and not verified.
    Doubtful,
}

/// All of them.
pub const BASES: [Base; 5] = [Base::Virgin, Base::Plain, Base::TwoInDev, Base::TwoInStaging, Base::Doubtful];

/// What one actor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Deploys a release, by number.
    Deploy(usize),
    /// Deploys what serves again, with the settings that are there.
    ConfigOnly,
    Rollback,
    /// Takes over what is open; goes back if told so.
    Resume {
        undo: bool,
    },
    /// Takes over what is overdue, as a schedule does.
    ResumeOverdue,
    HoldEnvironment,
    HoldRelease(usize),
    Unhold,
    Approve(usize),
    /// Withdraws the evidence of a release in this environment.
    Revoke(usize),
    /// Changes something by hand.
    Hand(Hand),
    /// A lifecycle rule deletes an image.
    DeleteImage(usize),
    /// Runs the gates of what serves once more: a verdict again, or a revocation.
    VerifyAgain,
    /// Applies Terraform.
    Apply,
    /// A newer program appends a record that nobody here knows.
    Newer,
}

/// What somebody changes by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// An alias, to a version that exists.
    Alias { component: usize },
    /// A setting, which moves the fingerprint and breaks the function.
    Settings { component: usize },
    /// `$LATEST`, to the code of a release.
    Code { component: usize, release: usize },
    /// A version that is recorded to go back to is deleted.
    Prune { component: usize },
}

/// When an actor begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cue {
    /// So long after the world does.
    After(u64),
    /// So long after this many records have landed in its environment.
    Records { count: u32, then_ms: u64 },
}

/// One actor.
#[derive(Clone, Debug)]
pub struct Role {
    pub part: Part,
    pub env: usize,
    pub cue: Cue,
    pub doom: Option<(u32, Doom)>,
    /// What befalls it so many awaits after its first intent to move an alias.
    pub doom_at_shift: Option<(u32, Doom)>,
    /// Somebody presses Ctrl-C after so many looks at that: to leave, or to go back.
    pub stopped: Option<(u32, bool)>,
    /// How wrong its clock is, in milliseconds.
    pub wrong_ms: i64,
    /// Its clock jumps once, so long after it begins, by so much.
    pub jump: Option<(u64, i64)>,
    /// Its credentials lead to another account.
    pub astray: bool,
    /// For a while it does not reach a service, or has no right to a part of it: from when, for how long, and what.
    pub outage: Option<(Service, u64, u64, Cut)>,
}

/// A whole world, decided by its seed.
#[derive(Clone, Debug)]
pub struct Drawn {
    pub seed: u64,
    pub base: Base,
    pub roles: Vec<Role>,
    /// (digest, environment, gate) that fail.
    pub bad: BTreeSet<(String, usize, String)>,
    /// Of each environment.
    pub gates: [Vec<Gate>; ENVS.len()],
    pub shift: Vec<ShiftStep>,
    pub on_failure: OnFailure,
    pub way_back_required: bool,
    pub faults: Faults,
    pub trouble_percent: u64,
    /// Milliseconds that an update and a publish take.
    pub update_ms: u64,
    pub publish_ms: u64,
    /// An alias write that changes nothing moves the revision.
    pub same_write_moves: bool,
    pub quotas: bool,
    /// Functions that nobody calls become idle, which moves their revision.
    pub idle_after_ms: Option<u64>,
    /// Records are not read back from the bytes that were just made of them.
    pub trusts_writers: bool,
    /// At the end a healthy release goes through every environment.
    pub heals: bool,
    /// Zombies sleep on while everything is brought to an end.
    pub zombies_sleep_on: bool,
}

/// The digest of a release, by number.
pub fn digest(release: usize) -> Digest {
    Digest::of(RELEASES[release].as_bytes())
}

impl Drawn {
    /// True when this release fails this gate here.
    pub fn is_bad(&self, digest: &str, env: usize, gate: &str) -> bool {
        !self.bad.is_empty() && self.bad.contains(&(digest.to_owned(), env, gate.to_owned()))
    }

    /// A world without trouble, to begin others with.
    pub fn calm(base: Base) -> Drawn {
        let withheld = Effect::Withhold;
        let gates = std::array::from_fn(|env| {
            let effect = if env == 0 { withheld } else { Effect::Block };
            vec![
                gate("advice", At::Staged, Effect::Advise),
                gate("staged", At::Staged, Effect::Block),
                gate("published", At::Published, Effect::Block),
                gate("live", At::Live, effect),
            ]
        });
        Drawn {
            seed: 0,
            base,
            roles: Vec::new(),
            bad: BTreeSet::from([(digest(3).as_str().to_owned(), 0, "live".to_owned())]),
            gates,
            shift: vec![ShiftStep { percent: 100, bake_s: 0 }],
            on_failure: OnFailure::Automatic,
            way_back_required: true,
            faults: Faults::NONE,
            trouble_percent: 0,
            update_ms: 20,
            publish_ms: 20,
            same_write_moves: false,
            quotas: false,
            idle_after_ms: None,
            trusts_writers: false,
            heals: false,
            zombies_sleep_on: false,
        }
    }

    /// The world of this seed.
    pub fn of(seed: u64) -> Drawn {
        let root = Rng::new(seed);
        let rng = root.fork(1);
        let base = match rng.below(16) {
            0 => Base::Virgin,
            1..=4 => Base::Plain,
            5..=8 => Base::TwoInDev,
            9..=12 => Base::TwoInStaging,
            _ => Base::Doubtful,
        };
        let focus = match base {
            Base::Virgin | Base::Plain => 0,
            Base::TwoInDev | Base::Doubtful => 1,
            Base::TwoInStaging => 2,
        };
        let mut drawn = Drawn::calm(base);
        drawn.seed = seed;
        drawn.gates = std::array::from_fn(|env| gates(&root.fork(20 + env as u64), env == focus));
        drawn.bad.extend(badness(&root.fork(2), focus));
        drawn.shift = shift(&rng);
        drawn.on_failure = if rng.chance(25) { OnFailure::Manual } else { OnFailure::Automatic };
        drawn.way_back_required = rng.chance(75);
        drawn.faults = Faults::ALL;
        drawn.trouble_percent = [0, 2, 5, 10, 25][rng.below(5) as usize];
        drawn.update_ms = [20, 300, 4_000][rng.below(3) as usize];
        drawn.publish_ms = [20, 300, 3_000][rng.below(3) as usize];
        drawn.same_write_moves = rng.chance(25);
        drawn.quotas = rng.chance(20);
        drawn.idle_after_ms = rng.chance(10).then(|| rng.between(60_000, 3_600_000));
        drawn.trusts_writers = !seed.is_multiple_of(16);
        drawn.heals = rng.below(16) == 0;
        drawn.zombies_sleep_on = rng.chance(50);
        drawn.roles = cast(&root.fork(3), base, focus);
        if drawn.gates[focus].iter().any(|gate| matches!(gate.check, Check::Approval { .. })) {
            let who = root.fork(4);
            for release in [2, 4] {
                let cue = Cue::After(who.below(500));
                drawn.roles.push(Role { cue, ..role(Part::Approve(release), focus, &who) });
            }
        }
        drawn
    }
}

/// A gate that invokes the first component and says who it is.
pub fn gate(name: &str, at: At, effect: Effect) -> Gate {
    let request = Request { payload: Some(serde_json::json!({ "gate": name })), ..Request::default() };
    let check = Check::Invoke { component: Component::from("api"), request, expect: Expect::default() };
    Gate { name: name.into(), at, effect, check, timeout_s: 60, retries: 2, retry_after_ms: 500 }
}

/// The gates of one environment.
fn gates(rng: &Rng, is_focus: bool) -> Vec<Gate> {
    let mut gates = Vec::new();
    let advisory = rng.chance(8);
    let effect = || match rng.below(10) {
        _ if advisory => Effect::Advise,
        0 => Effect::Withhold,
        1 => Effect::Advise,
        _ => Effect::Block,
    };
    for (name, at) in [("staged", At::Staged), ("published", At::Published), ("live", At::Live)] {
        if rng.chance(70) {
            gates.push(gate(name, at, effect()));
        }
    }
    if rng.chance(20) {
        gates.insert(0, gate("advice", At::Staged, Effect::Advise));
    }
    if is_focus && rng.chance(12) {
        let check = Check::Approval { count: 1, approvers: Vec::new() };
        gates.insert(0, Gate { check, ..gate("approval", At::Before, Effect::Block) });
    }
    gates
}

/// Which releases fail which gates.
fn badness(rng: &Rng, focus: usize) -> Vec<(String, usize, String)> {
    let mut bad = Vec::new();
    for release in [2, 4] {
        if rng.chance(35) {
            let gate = ["staged", "published", "live"][rng.below(3) as usize];
            bad.push((digest(release).as_str().to_owned(), focus, gate.to_owned()));
        }
    }
    bad
}

fn shift(rng: &Rng) -> Vec<ShiftStep> {
    let all = ShiftStep { percent: 100, bake_s: 0 };
    match rng.below(10) {
        0 => vec![ShiftStep { percent: 10, bake_s: 30 }, all],
        1 => vec![ShiftStep { percent: 10, bake_s: 10 }, ShiftStep { percent: 50, bake_s: 10 }, all],
        _ => vec![all],
    }
}

fn role(part: Part, env: usize, rng: &Rng) -> Role {
    let cue = match rng.chance(50) {
        true => Cue::After(rng.long_tail_ms()),
        false => Cue::Records { count: 1 + rng.below(18) as u32, then_ms: rng.below(120) },
    };
    let doom = match rng.below(10) {
        0..=2 => Some((1 + rng.below(130) as u32, Doom::DiesBefore)),
        3..=5 => Some((1 + rng.below(130) as u32, Doom::DiesAfter)),
        6 | 7 => Some((1 + rng.below(130) as u32, Doom::Sleeps(rng.long_tail_ms()))),
        _ => None,
    };
    let jumps = rng.chance(15);
    let by_ms = |rng: &Rng| rng.between(0, 14_400_000) as i64 - 7_200_000;
    let (wrong_ms, jump) = (by_ms(rng), (rng.below(20_000), by_ms(rng)));
    let away = rng.chance(12);
    let cut = match rng.below(6) {
        0 | 1 => Cut::All,
        2 => Cut::Writes,
        _ => Cut::Right(rng.below(3) as usize),
    };
    let service = if rng.chance(60) { Service::Store } else { Service::Lambda };
    let outage = (service, rng.below(8_000), rng.long_tail_ms(), cut);
    let at_shift = match rng.below(6) {
        0 => Some((1 + rng.below(6) as u32, Doom::DiesBefore)),
        1 => Some((1 + rng.below(6) as u32, Doom::DiesAfter)),
        2 => Some((1 + rng.below(4) as u32, Doom::Sleeps(rng.long_tail_ms()))),
        _ => None,
    };
    Role {
        part,
        env,
        cue,
        doom,
        doom_at_shift: at_shift,
        stopped: (rng.below(12) == 0).then(|| (1 + rng.below(12) as u32, rng.chance(50))),
        wrong_ms: if jumps { wrong_ms } else { 0 },
        jump: jumps.then_some(jump),
        astray: rng.below(60) == 0,
        outage: away.then_some(outage),
    }
}

/// Who acts.
fn cast(rng: &Rng, base: Base, focus: usize) -> Vec<Role> {
    let candidates: &[usize] = match base {
        Base::Virgin => &[1, 2],
        Base::Doubtful => &[2, 3, 3, 4],
        Base::Plain | Base::TwoInDev | Base::TwoInStaging => &[2, 2, 4],
    };
    let pick = || candidates[rng.below(candidates.len() as u64) as usize];
    let mut roles = Vec::new();
    let mut add = |number: u64, part: Part, env: usize| roles.push(role(part, env, &rng.fork(100 + number)));
    add(0, Part::Deploy(pick()), focus);
    roles[0].cue = Cue::After(rng.below(50));
    let mut add = |number: u64, part: Part, env: usize| roles.push(role(part, env, &rng.fork(100 + number)));
    if rng.chance(40) {
        add(1, Part::Deploy(pick()), focus);
    }
    for number in 2..4 {
        if rng.chance(45) {
            let part = if rng.chance(30) { Part::ResumeOverdue } else { Part::Resume { undo: rng.chance(25) } };
            add(number, part, focus);
        }
    }
    if rng.chance(10) {
        add(4, if rng.chance(70) { Part::Rollback } else { Part::ConfigOnly }, focus);
    }
    if focus > 0 && rng.chance(25) {
        add(5, Part::Revoke(pick()), rng.below(focus as u64) as usize);
    }
    if rng.chance(12) {
        let part = if rng.chance(50) { Part::HoldEnvironment } else { Part::HoldRelease(pick()) };
        add(6, part, rng.below(focus as u64 + 1) as usize);
        if rng.chance(30) {
            add(7, Part::Unhold, focus);
        }
    }
    if rng.chance(15) {
        let component = rng.below(2) as usize;
        let hand = match rng.below(5) {
            0 => Hand::Alias { component },
            4 => Hand::Prune { component },
            1 | 2 => Hand::Settings { component },
            _ => Hand::Code { component, release: rng.below(5) as usize },
        };
        add(8, Part::Hand(hand), focus);
    }
    if rng.chance(5) {
        add(9, Part::DeleteImage(rng.below(3) as usize), focus);
    }
    if rng.chance(6) {
        add(12, Part::VerifyAgain, rng.below(focus as u64 + 1) as usize);
    }
    if rng.chance(3) {
        add(10, Part::Newer, focus);
    }
    if rng.chance(10) && focus < 2 {
        add(11, Part::Deploy(2), focus + 1);
    }
    if rng.chance(12) {
        add(13, Part::Apply, focus);
        if rng.chance(60) {
            add(14, Part::Apply, rng.below(3) as usize);
        }
        if rng.chance(40) {
            add(15, Part::Apply, focus);
        }
    }
    roles
}

/// Leaves one actor out, for a smaller world.
pub fn without_role(drawn: &Drawn, index: usize) -> Drawn {
    let mut fewer = drawn.clone();
    fewer.roles.remove(index);
    fewer
}

/// Leaves one kind of fault out, for a smaller world.
pub fn without_fault(drawn: &Drawn, fault: Fault) -> Drawn {
    let faults = drawn.faults.without(fault);
    Drawn { faults, ..drawn.clone() }
}
