//! Applies and deployments in one environment: who halts whom, who waits, and what a release needs to have been applied.

use super::*;

/// The deployer, who finds out that it was halted while the apply waits for it.
struct GoesBack {
    staging: RefCell<Session>,
    waits: Cell<u32>,
    ending: RefCell<Option<(Ending, String)>>,
}

impl LeaseWatch for GoesBack {
    fn see(&self, progress: &LeaseProgress<'_>) {
        let LeaseProgress::Ending { deployment, .. } = progress else { return };
        assert_eq!(deployment.app, "app".into());
        self.waits.set(self.waits.get() + 1);
        // At first it is in the middle of something.
        if self.waits.get() == 3 {
            let mut staging = self.staging.borrow_mut();
            block(staging.reload()).expect("read");
            let Driven::Ended(end) = block(drive(&mut staging)).expect("driven") else { panic!("it ends") };
            *self.ending.borrow_mut() = Some((end.ending, end.why));
        }
    }
}

#[test]
fn an_apply_halts_what_stands_in_its_environment_and_nothing_else_and_starts_once_that_has_ended() {
    let (small, outside) = (Small::new(), Outside::new());
    let release = small.release("one");
    small.deploy("dev", Goal::Deploy(release.clone()));
    let open = |environment: &str| {
        let planned = small.plan(&small.wanted(environment, Goal::Deploy(release.clone())));
        match block(claim(&small.world, &planned.plan)).expect("claimed") {
            Claim::Claimed(session, _) => session,
            _ => panic!("not claimed"),
        }
    };
    let staging = open("staging");
    let desk = desk(&small.world, &outside, "erika", Rc::new(Silent));
    ended(block(run(&desk, &request("dev", 0), NOW, &Script::new(&outside))));
    assert!(small.session("staging").state.open.expect("open").cause.is_none(), "another environment");
    // Whoever does not wait starts nothing, and has halted it.
    let at_once = ended(block(run(&desk, &request("staging", 0), NOW, &Script::new(&outside))));
    let Outcome::NotStarted { why } = at_once else { panic!("{at_once:?}") };
    assert!(why.contains("has not ended (`tiers resume staging`"), "{why}");
    assert_eq!(outside.starts.get(), 1, "the one in dev");
    assert_eq!(block(standing(&small.world, &"staging".into(), &apps())).expect("read").len(), 1);

    let watch = Rc::new(GoesBack { staging: RefCell::new(*staging), waits: Cell::new(0), ending: RefCell::new(None) });
    let desk = self::desk(&small.world, &outside, "erika", watch.clone());
    let world = small.world.clone();
    let before = Box::new(move || {
        let open = block(standing(&world, &"staging".into(), &apps())).expect("read");
        assert_eq!(open, [], "it has ended when Terraform is about to start");
    });
    let script = Script { before, ..Script::new(&outside) };
    assert_eq!(ended(block(run(&desk, &request("staging", 0), Waiting::default(), &script))).word(), "applied");
    let (ending, why) = watch.ending.borrow_mut().take().expect("it ended");
    assert_eq!((watch.waits.get(), ending), (3, Ending::Refused));
    assert!(why.contains("erika applies Terraform in staging"), "{why}");
}

#[test]
fn a_release_is_refused_where_other_terraform_was_applied_than_that_of_its_commit_until_it_is() {
    let (small, outside) = (Small::new(), Outside::new());
    let desk = desk(&small.world, &outside, "erika", Rc::new(Silent));
    let wants = |tree: &[u8], values: Option<&[u8]>, part_of: Option<&str>| {
        let mut wanted = small.wanted("dev", Goal::Deploy(small.release("one")));
        wanted.infrastructure = Some(Infrastructure {
            commit: "c0ffee".into(),
            tree: Digest::of(tree),
            var_file: values.map(Digest::of),
            part_of: part_of.map(Into::into),
            apart: false,
        });
        wanted
    };
    let objection = |wanted: &Wanted| {
        let planned = small.plan(wanted);
        match &block(preflight(&small.world, &planned.state, &planned.plan)).expect("read")[..] {
            [] => None,
            [Objection::No(why)] => Some(why.clone()),
            other => panic!("{other:?}"),
        }
    };
    // Nothing was applied with this program.
    assert_eq!(objection(&wants(b"tree", None, None)), None);
    let mut request = request("dev", 0);
    request.facts.commit = Some("feed".into());
    request.facts.var_file = Some(Digest::of(b"values"));
    assert_eq!(ended(block(run(&desk, &request, NOW, &Script::new(&outside)))).word(), "applied");

    assert_eq!(objection(&wants(b"tree", None, None)), None, "values that git does not know are not compared");
    assert_eq!(objection(&wants(b"tree", Some(b"values"), None)), None);
    let code = objection(&wants(b"other", Some(b"values"), None)).expect("refused");
    assert!(code.contains("its Terraform code differs from what erika applied in dev"), "{code}");
    let values = objection(&wants(b"tree", Some(b"other"), None)).expect("refused");
    assert!(values.contains("the values of its environment differ"), "{values}");
    // A dirty tree is no commit, whatever it is called.
    let dirty = objection(&wants(b"other", None, Some("feed"))).expect("refused");
    assert!(dirty.contains("(commit feed and changes); `tiers tf apply dev` first"), "{dirty}");
    let refused = small.run(&wants(b"other", None, None));
    let Driven::Ended(refused) = refused else { panic!("it ends") };
    assert_eq!(refused.ending, Ending::Refused);
    let mut waived = wants(b"other", None, None);
    waived.waivers.push(Waiver { what: "terraform:dev".into(), by: "petra".into(), reason: "now".into() });
    assert_eq!(objection(&waived), None);

    request.facts.dirty = false;
    request.made_after = 1;
    assert_eq!(ended(block(run(&desk, &request, NOW, &Script::new(&outside)))).word(), "applied");
    assert_eq!(objection(&wants(b"other", None, Some("feed"))), None, "newer code holds what older code needs");
    assert!(objection(&wants(b"other", None, Some("beef"))).is_some());

    // An apply of other code that failed since may have taken away what was there.
    let needed = wants(b"tree", None, None).infrastructure.expect("needed");
    let mut state = state(&desk);
    assert_eq!(needed.lacking(&state, &"dev".into()), None);
    let mut failed = state.applied[&Env::from("dev")].clone();
    failed.epoch += 1;
    failed.outcome = Outcome::Failed { why: "no quota".into(), lineage: None };
    state.last.insert("dev".into(), failed.clone());
    assert_eq!(needed.lacking(&state, &"dev".into()), None, "the same code once more");
    failed.facts.tree = Digest::of(b"newer");
    state.last.insert("dev".into(), failed);
    let why = needed.lacking(&state, &"dev".into()).expect("refused");
    assert!(why.contains("an apply of other code by erika failed in dev"), "{why}");
}

#[test]
fn a_deployment_waits_while_an_apply_is_in_flight_in_its_environment() {
    let (small, outside) = (Small::new(), Outside::new());
    let release = small.release("one");
    leave_behind(&small, &outside, "dev");
    let planned = small.plan(&small.wanted("dev", Goal::Deploy(release.clone())));
    let objections = block(preflight(&small.world, &planned.state, &planned.plan)).expect("read");
    let [Objection::NotYet(why)] = &objections[..] else { panic!("{objections:?}") };
    assert!(why.contains("otto applies Terraform in dev (process 4242 on runner-7"), "{why}");
    let Driven::Ended(end) = small.deploy("dev", Goal::Deploy(release.clone())) else { panic!("it ends") };
    assert_eq!(end.ending, Ending::Refused);
    // An apply elsewhere is nobody's business here.
    *outside.life.borrow_mut() = Life::Gone;
    leave_behind(&small, &outside, "prod");
    let Driven::Ended(end) = small.deploy("dev", Goal::Deploy(release)) else { panic!("it ends") };
    assert_eq!(end.ending, Ending::Succeeded, "{}", end.why);
    let checked = block(small.world.ledger.walk_back(small.session("dev").head.as_ref().expect("a head"), 64));
    let heads = checked.expect("read").into_iter().find_map(|head| {
        match serde_json::from_value(head.record.event.clone()).expect("an event") {
            Event::Checked { heads, .. } => Some(heads),
            _ => None,
        }
    });
    assert_eq!(heads.expect("it was checked").get("terraform/shop"), Some(&5));
}

/// Somebody who begins an apply once the first move of traffic is intended.
struct AppliesAtTheShift(World, Rc<Outside>);

impl Watch for AppliesAtTheShift {
    fn see(&self, progress: &Progress<'_>) {
        if let Progress::Recorded { event: Event::Intended { intent }, .. } = progress
            && intent.step == (Step::Shift { number: 0 })
        {
            // Without reading downstream, as one that died before it could.
            let desk = desk(&self.0, &self.1, "otto", Rc::new(Silent));
            let script = Script { dies: true, ..Script::new(&self.1) };
            let (holder, wanted) = (holder(true), request("dev", 0));
            assert!(apply(&desk, &holder, &wanted, &[], NOW, &script, &|_| None).now_or_never().is_none(), "it died");
        }
    }
}

#[test]
fn an_apply_that_begins_between_a_shifts_intent_and_its_sending_stops_the_shift() {
    let mut small = Small::new();
    let outside = Outside::new();
    let release = small.release("one");
    small.world.watch = Rc::new(AppliesAtTheShift(small.world.clone(), outside));
    let before = small.live("dev");
    let Driven::Ended(end) = small.deploy("dev", Goal::Deploy(release)) else { panic!("it ends") };
    assert_eq!((end.ending, small.live("dev")), (Ending::Refused, before), "{}", end.why);
    assert!(end.why.contains("otto applies Terraform in dev"), "{}", end.why);
}

#[test]
fn nobody_stops_a_way_back() {
    let (small, outside) = (Small::new(), Outside::new());
    for content in ["one", "two"] {
        small.deploy("dev", Goal::Deploy(small.release(content)));
    }
    leave_behind(&small, &outside, "dev");
    let Driven::Ended(end) = small.deploy("dev", Goal::Rollback { to: None }) else { panic!("it ends") };
    assert_eq!(end.ending, Ending::Succeeded, "{}", end.why);
}

#[test]
fn an_event_of_the_lease_that_is_not_known_keeps_everybody_from_it_and_from_the_environment() {
    let (small, outside) = (Small::new(), Outside::new());
    leave_behind(&small, &outside, "dev");
    let desk = desk(&small.world, &outside, "erika", Rc::new(Silent));
    let session = block(LeaseSession::load(&desk)).expect("readable");
    let draft = tiers_engine::ledger::Draft {
        at: small.world.clock.now(),
        actor: small.world.actor.clone(),
        deployment: None,
        epoch: 2,
        event: serde_json::json!({ "kind": "shared" }),
        state: serde_json::to_value(LeaseState::default()).expect("plain data"),
    };
    block(small.world.ledger.append(&desk.stream, session.head.as_ref(), draft)).expect("appended");
    let error = block(LeaseSession::load(&desk)).err().expect("unreadable");
    assert!(error.to_string().contains("record 3 of terraform/shop can't be read"), "{error}");
    let planned = small.plan(&small.wanted("dev", Goal::Deploy(small.release("one"))));
    assert!(block(preflight(&small.world, &planned.state, &planned.plan)).is_err());
}
