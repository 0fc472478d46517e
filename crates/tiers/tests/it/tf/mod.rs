//! Guarded Terraform with the real program, its states and locks in moto: whatever goes wrong, the states of the other
//! environments stay as they are, byte for byte.

mod dying;
mod halting;
mod locks;
mod moto;
mod paths;
mod program;
mod renaming;
mod shop;
mod syncing;
mod terminal;

use rustix::process::{Signal, kill_process};

use self::shop::{Shop, lockfile};
use crate::world::Run;

/// Without the breaks of lines that the terminal's width makes.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn environments_are_planned_and_applied_each_in_its_own_place() {
    let Some(shop) = Shop::new() else { return };
    let planned = shop.run(&["tf", "plan", "dev"]);
    assert_eq!(planned.code(), 0, "{planned:#?}");
    assert!(planned.out.contains("safe: 2 to create"), "{planned:#?}");
    assert!(shop.moto.objects().is_empty(), "a plan writes no state");
    let nobody = shop.run(&["tf", "apply", "dev"]);
    assert_eq!(nobody.code(), 3, "{nobody:#?}");
    assert!(nobody.err.contains("`tiers tf apply dev --auto-approve` applies it"), "{nobody:#?}");
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    let dev = shop.others("staging");
    shop.good(&["tf", "apply", "staging", "--auto-approve"]);
    assert_eq!(shop.others("staging"), dev, "the state of dev is as it was");

    // A breaking plan takes exactly the addresses that it breaks.
    shop.values("dev", "engine = \"17\"\n");
    let breaking = shop.run(&["tf", "apply", "dev", "--auto-approve"]);
    assert_eq!(breaking.code(), 3, "{breaking:#?}");
    assert!(
        breaking.err.contains("--approve-breaking terraform_data.database` agrees to exactly this"),
        "{breaking:#?}"
    );
    let other = shop.run(&[
        "tf",
        "apply",
        "--approve-breaking",
        "terraform_data.database",
        "--approve-breaking",
        "terraform_data.x",
        "dev",
    ]);
    assert!(other.code() == 3 && other.err.contains("named and not breaking: `terraform_data.x`"), "{other:#?}");
    let json = shop.good(&["tf", "apply", "dev", "--approve-breaking", "terraform_data.database", "--json"]).json();
    assert_eq!(
        (&json["outcome"], &json["class"], &json["counts"]["replace"]),
        (&"applied".into(), &"breaking".into(), &1.into())
    );
    let again = shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    assert!(again.out.contains("unchanged, skipped"), "{again:#?}");

    // prod asks a person; sync goes as far as it may.
    let prod = shop.run(&["tf", "apply", "prod", "--auto-approve"]);
    assert!(prod.code() == 3 && prod.err.contains("prod asks a person before every apply"), "{prod:#?}");
    let synced = shop.run(&["tf", "sync", "--auto-approve"]);
    assert!(synced.code() == 3 && synced.err.contains("stopped at prod"), "{synced:#?}");
    assert!(!shop.moto.objects().contains_key("prod/terraform.tfstate"));

    // History tells each of them, status what stands.
    let history = shop.good(&["history"]);
    let line = |what: &str| history.out.lines().any(|line| line.contains(what) && line.ends_with("erika"));
    assert!(line("terraform applied: 2 to create; safe; commit "), "{history:#?}");
    assert!(line("terraform applied: 1 to replace; breaking: terraform_data.database; commit "), "{history:#?}");
    let lines = shop.good(&["history", "dev", "--json"]).json()["lines"].clone();
    let told: Vec<_> = lines.as_array().expect("lines").iter().map(|line| (&line["what"], &line["class"])).collect();
    assert_eq!(told, [(&"applied".into(), &"breaking".into()), (&"applied".into(), &"safe".into())], "newest first");
    assert_eq!(
        (&lines[0]["breaking"][0], &lines[0]["outcome"]),
        (&"terraform_data.database".into(), &"applied".into())
    );
    // And who agreed, by whose rules.
    let head = shop.world.git(&["rev-parse", "HEAD"]);
    assert_eq!((&lines[0]["agreed"], &lines[0]["rules"]), (&"flags".into(), &head.as_str().into()));
    let status = shop.good(&["status"]);
    let row = |env: &str| status.out.lines().rfind(|line| line.starts_with(env)).unwrap_or_default().to_owned();
    assert!(row("dev").contains("1 to replace") && row("dev").ends_with("just now  erika"), "{status:#?}");
    let tree = lines[0]["tree"].as_str().expect("a digest").strip_prefix("sha256:").expect("a digest")[..12].to_owned();
    assert!(row("dev").contains(&tree) && row("prod").contains("never applied by tiers"), "{status:#?}");

    // The trail of a commit that nothing was built from holds its applies, and git is kept from all that this machine keeps.
    let trace = shop.good(&["trace", "HEAD"]);
    assert!(trace.out.contains("dev terraform applied: 2 to create; safe; commit "), "{trace:#?}");
    assert!(trace.out.contains("and changes by erika"), "{trace:#?}");
    assert_eq!(shop.good(&["trace", "HEAD", "--json"]).json()["applies"].as_array().map(Vec::len), Some(3));
    let ignored = std::fs::read_to_string(shop.world.path(".tiers/.gitignore")).expect("it is there");
    assert_eq!(ignored, "*\n");

    let left: Vec<_> = shop.files(".tiers/terraform").into_iter().filter(|path| path.ends_with("/plan")).collect();
    assert!(left.is_empty(), "saved plans are gone: {left:?}");
    shop.good(&["ledger", "verify"]);
}

#[test]
fn a_directory_that_is_bound_to_another_environment_is_refused_before_anything_is_planned() {
    let Some(shop) = Shop::new() else { return };
    for environment in ["dev", "staging"] {
        shop.good(&["tf", "apply", environment, "--auto-approve"]);
    }
    let before = shop.moto.objects();
    let data = |environment: &str| shop.world.path(&format!(".tiers/terraform/{environment}/data/terraform.tfstate"));
    let own = std::fs::read(data("staging")).expect("readable");
    std::fs::copy(data("dev"), data("staging")).expect("copied");
    for command in [&["tf", "plan", "staging"][..], &["tf", "apply", "staging", "--auto-approve"]] {
        let run = shop.run(command);
        assert_eq!(run.code(), 3, "{run:#?}");
        assert!(run.err.contains("wrong place: the data directory of staging is bound to another backend"), "{run:#?}");
        assert!(
            run.err.contains("key: declared staging/terraform.tfstate, bound to dev/terraform.tfstate"),
            "{run:#?}"
        );
    }
    assert_eq!(shop.run(&["tf", "which", "staging"]).code(), 1);
    std::fs::write(data("staging"), own).expect("written");
    assert_eq!(shop.run(&["tf", "which", "staging"]).code(), 0);
    // One that is bound to nothing any more is made ready again.
    std::fs::remove_file(data("staging")).expect("removed");
    shop.good(&["tf", "plan", "staging"]);

    // The backend file of one environment that names the state of another.
    shop.world.write("terraform/envs/staging/backend.hcl", &shop::backend("dev", shop::TABLE_LOCK));
    let same = shop.run(&["tf", "plan", "staging"]);
    assert_eq!(same.code(), 3, "{same:#?}");
    std::fs::remove_dir_all(shop.world.path(".tiers/terraform/staging")).expect("removed");
    let same = shop.run(&["tf", "plan", "staging"]);
    assert!(same.code() == 3 && same.err.contains("staging and dev have one state"), "{same:#?}");
    // Spelled otherwise it is the same state.
    let own =
        shop::backend("dev", shop::TABLE_LOCK).replace("region = \"us-east-1\"", "workspace_key_prefix = \"env:\"");
    shop.world.write("terraform/envs/staging/backend.hcl", &own);
    let same = shop.run(&["tf", "apply", "staging", "--auto-approve"]);
    assert!(same.code() == 3 && same.err.contains("staging and dev have one state"), "{same:#?}");
    // And a state of dev's is dev's wherever it lies, though it was applied once only.
    shop.moto.put("copy/terraform.tfstate", &before["dev/terraform.tfstate"]);
    shop.world.write("terraform/envs/staging/backend.hcl", &shop::backend("copy", shop::TABLE_LOCK));
    let copied = shop.run(&["tf", "apply", "staging", "--auto-approve"]);
    assert!(copied.code() == 3 && copied.err.contains("that was applied in dev last"), "{copied:#?}");
    shop.moto.delete("copy/terraform.tfstate");
    std::fs::remove_dir_all(shop.world.path(".tiers/terraform/staging")).expect("removed");
    shop.world.write("terraform/envs/staging/backend.hcl", &shop::backend("staging", shop::TABLE_LOCK));
    shop.good(&["tf", "plan", "staging"]);

    // Neither a variable of the caller's nor a chosen workspace leads elsewhere.
    let variables = [("TF_DATA_DIR", "/nowhere"), ("TF_WORKSPACE", "other"), ("TF_CLI_ARGS_plan", "-destroy")];
    let run = shop.run_with(&["tf", "plan", "staging"], &variables);
    assert!(run.code() == 0 && run.out.contains("nothing to change"), "{run:#?}");
    shop.world.write(".tiers/terraform/staging/data/environment", "other");
    let run = shop.run(&["tf", "plan", "staging"]);
    assert!(run.code() == 3 && run.err.contains("workspace `other` is selected"), "{run:#?}");
    assert_eq!(shop.moto.objects(), before);
}

#[test]
fn a_state_that_vanished_or_lies_elsewhere_than_was_applied_is_no_safe_plan() {
    let Some(shop) = Shop::with(lockfile) else { return };
    shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    let state = shop.moto.objects()["dev/terraform.tfstate"].clone();
    let refused = |why: &str| {
        let run = shop.run(&["tf", "apply", "dev", "--auto-approve"]);
        assert!(run.code() == 3 && flat(&run.out).contains(why), "{why}: {run:#?}");
        assert!(run.err.contains("--approve-breaking 'the state'` agrees to exactly this"), "{run:#?}");
    };
    shop.moto.delete("dev/terraform.tfstate");
    refused("the state: there is none, and erika applied here before");
    // A slip in the key, in a checkout that knows nothing of what was there.
    shop.world.write("terraform/envs/dev/backend.hcl", &lockfile("dve"));
    std::fs::remove_dir_all(shop.world.path(".tiers/terraform")).expect("removed");
    refused("and erika applied to s3 shop-terraform-state/dev/terraform.tfstate here; nothing says that it was moved");
    // Who moved it says so once.
    shop.moto.put("dve/terraform.tfstate", &state);
    shop.good(&["tf", "apply", "dev", "--approve-breaking", "the state"]);
    assert!(shop.good(&["tf", "apply", "dev", "--auto-approve"]).out.contains("unchanged, skipped"));
    // That a person is asked is not for the working copy to take away.
    let toml = std::fs::read_to_string(shop.world.path("tiers.toml")).expect("readable");
    let lax = toml.replace("[terraform]\n", "[terraform]\nask = []\n");
    shop.world.write("tiers.toml", &format!("{lax}\n[environments.extra]\nafter = [\"dev\"]\n"));
    shop.world.write("terraform/envs/extra/backend.hcl", &lockfile("extra"));
    shop.values("extra", "");
    // Nor does it say of an environment that no commit knows that nobody is asked there.
    let apply = |environment: &str| {
        let run = shop.run(&["tf", "apply", environment, "--auto-approve"]);
        let asks = format!("{environment} asks a person before every apply");
        assert!(run.code() == 3 && run.err.contains(&asks) && run.err.contains("and commit it"), "{run:#?}");
        run
    };
    let (prod, _) = (apply("prod"), apply("extra"));
    assert!(prod.err.contains("this code comes to prod first: staging was never applied by tiers"), "{prod:#?}");
    // A committed lock file of providers is read and never written.
    let locked = "provider \"registry.terraform.io/hashicorp/null\" {\n  version = \"3.2.3\"\n}\n";
    shop.world.write("terraform/.terraform.lock.hcl", locked);
    shop.world.commit("providers");
    let stale = shop.run(&["tf", "plan", "dev"]);
    assert!(stale.code() == 4 && stale.err.contains(".terraform.lock.hcl is only read here"), "{stale:#?}");
    assert_eq!(std::fs::read_to_string(shop.world.path("terraform/.terraform.lock.hcl")).expect("there"), locked);
}

#[test]
fn nothing_is_planned_in_another_account_or_region_than_is_declared() {
    let Some(shop) = Shop::in_accounts() else { return };
    let planned = shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    assert!(planned.out.contains("account  123456789012, as declared"), "{planned:#?}");
    let before = shop.moto.objects();
    let staging = shop.run(&["tf", "plan", "staging"]);
    assert_eq!(staging.code(), 3, "{staging:#?}");
    assert!(staging.err.contains("wrong account: staging is declared in 999999999999"), "{staging:#?}");
    assert!(staging.err.contains("the credentials lead to 123456789012"), "{staging:#?}");
    let prod = shop.run(&["tf", "plan", "prod"]);
    assert!(prod.code() == 3 && prod.err.contains("wrong region: prod is declared in eu-central-1"), "{prod:#?}");
    shop.world.write(
        "tiers.toml",
        &std::fs::read_to_string(shop.world.path("tiers.toml")).expect("read").replace("solo = true", ""),
    );
    let unshared = shop.run(&["tf", "apply", "dev", "--auto-approve"]);
    assert!(unshared.code() == 3 && unshared.err.contains("the ledger is a folder on this machine"), "{unshared:#?}");
    assert_eq!(shop.moto.objects(), before);
}

#[test]
fn values_of_secrets_appear_nowhere_and_older_commits_are_not_applied_over_newer_ones() {
    let Some(shop) = Shop::new() else { return };
    // A part of a structured value, which becomes a resource's key and so stands in its address.
    let tokens = r#"{"a":"tok-abcdef-99"}"#;
    let both = [("TF_VAR_password", "correct-horse-battery"), ("TF_VAR_tokens", tokens), ("TF_LOG", "INFO")];
    let hidden =
        |run: &Run| !format!("{run:?}").contains("correct-horse") && !format!("{run:?}").contains("tok-abcdef");
    let planned = shop.run_with(&["tf", "apply", "dev", "--auto-approve"], &both);
    assert_eq!(planned.code(), 0, "{planned:#?}");
    assert!(planned.out.contains("terraform_data.each[\"***\"]") && hidden(&planned), "{planned:#?}");
    assert!(
        planned.err.contains("[INFO]") && !planned.out.contains("[INFO]"),
        "a log is no part of the plan: {planned:#?}"
    );
    // What is breaking by a secret key is agreed to as it is shown, or as it is.
    let secret = [("TF_VAR_password", "correct-horse-battery"), ("MY_TOKEN", "tok-abcdef-99")];
    let unnamed = shop.run_with(&["tf", "apply", "dev", "--auto-approve"], &secret);
    assert!(
        unnamed.err.contains("--approve-breaking 'terraform_data.each[\"***\"]'`") && hidden(&unnamed),
        "{unnamed:#?}"
    );
    let real = "terraform_data.each[\"tok-abcdef-99\"]";
    let named = shop.run_with(&["tf", "apply", "dev", "--approve-breaking", real], &secret);
    assert!(named.code() == 0 && hidden(&named), "{named:#?}");
    let ledger = shop.world.shell("grep -r -e correct-horse -e tok-abcdef .tiers/ledger .tiers/terraform");
    assert!(ledger.out.is_empty(), "{ledger:#?}");
    assert!(shop.good(&["history"]).out.contains("breaking: terraform_data.each[\"***\"]"));

    // Every user of a machine can read the arguments of all that runs there.
    shop.values("dev", "turns = 1\npause = 60\n");
    let slow = shop.start_with(&["tf", "apply", "dev", "--auto-approve"], &secret);
    shop.until_work_begins();
    let arguments = shop.world.shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").out;
    assert!(arguments.contains("-lock-timeout=10s") && !arguments.contains("correct-horse"), "{arguments}");
    let variables = std::fs::read(format!("/proc/{}/environ", shop.terraform_of_the_lease().as_raw_nonzero()));
    assert!(String::from_utf8_lossy(&variables.expect("our own")).contains("TF_VAR_password=correct-horse"));
    kill_process(slow.pid(), Signal::INT).expect("it runs");
    let stopped = slow.end();
    assert!(stopped.code() == 4 && hidden(&stopped), "{stopped:#?}");
    shop.forget_work();
    shop.values("dev", "");
    shop.run_with(&["tf", "apply", "dev", "--approve-breaking", "terraform_data.slow[0]"], &secret);

    shop.world.commit("older");
    let older = shop.world.git(&["rev-parse", "HEAD"]);
    shop.values("dev", "turns = 1\n");
    shop.world.commit("newer");
    let newer = shop.run_with(&["tf", "apply", "dev", "--auto-approve"], &secret);
    assert_eq!(newer.code(), 0, "{newer:#?}");
    shop.world.git(&["checkout", "-q", &older]);
    let run = shop.run_with(&["tf", "apply", "dev", "--approve-breaking", "terraform_data.slow[0]"], &secret);
    assert!(run.code() == 3 && run.err.contains("is older than"), "{run:#?}");
    let run = shop
        .run_with(&["tf", "apply", "dev", "--approve-breaking", "terraform_data.slow[0]", "--allow-older"], &secret);
    assert_eq!(run.code(), 0, "{run:#?}");

    // What was applied before it was committed is recorded with its commit, so that older ones are older than that.
    shop.world.git(&["checkout", "-q", "-"]);
    let apply = || shop.run_with(&["tf", "apply", "dev", "--auto-approve"], &secret[..1]);
    shop.values("dev", "turns = 2\n");
    assert_eq!(apply().code(), 0);
    shop.world.commit("newest");
    let recorded = apply();
    assert!(recorded.code() == 0 && recorded.out.contains("applied: dev: nothing to change"), "{recorded:#?}");
    assert!(apply().out.contains("unchanged, skipped"));
    shop.world.git(&["checkout", "-q", "HEAD~1"]);
    let run = shop.run_with(&["tf", "apply", "dev", "--approve-breaking", "terraform_data.slow[1]"], &secret);
    assert!(run.code() == 3 && run.err.contains("is older than"), "{run:#?}");
}

#[test]
fn a_release_comes_only_where_the_terraform_of_its_commit_or_a_newer_one_is_applied() {
    let Some(shop) = Shop::with_app() else { return };
    let world = &shop.world;
    // A module outside of the root is a part of its code, and so is one that this one calls.
    world.write("modules/outer/main.tf", "module \"inner\" { source = \"../inner\" }\n");
    world.write("modules/inner/main.tf", "variable \"x\" { default = 1 }\n");
    let main = std::fs::read_to_string(world.path("terraform/main.tf")).expect("readable");
    world.write("terraform/main.tf", &format!("{main}\nmodule \"outer\" {{\n  source = \"../modules/outer\"\n}}\n"));
    let one = world.release("one");
    // git may write files otherwise than it keeps them.
    world.write(".gitattributes", "*.tfvars text eol=crlf\n");
    world.commit("line ends");
    world.shell("rm terraform/envs/dev/terraform.tfvars && git checkout -q terraform/envs/dev/terraform.tfvars");
    assert!(std::fs::read(world.path("terraform/envs/dev/terraform.tfvars")).expect("there").contains(&b'\r'));
    let apply = || shop.good(&["tf", "apply", "dev", "--auto-approve"]);
    // What tiers never applied is somebody else's to keep.
    world.good(&["deploy", "dev"]);
    apply();

    let main = std::fs::read_to_string(world.path("terraform/main.tf")).expect("readable");
    world.write("terraform/main.tf", &format!("{main}\noutput \"queue\" {{\n  value = var.environment\n}}\n"));
    let two = world.release("two");
    let refused = world.tiers(&["deploy", "dev"]);
    assert_eq!(refused.code(), 3, "{refused:#?}");
    assert!(refused.err.contains("its Terraform code differs from what erika applied in dev"), "{refused:#?}");
    assert!(refused.err.contains("`tiers tf apply dev` first"), "{refused:#?}");
    let planned = world.good(&["deploy", "dev", "--plan"]);
    assert!(planned.out.contains("the Terraform code of commit") && planned.out.contains("not now"), "{planned:#?}");
    apply();
    world.good(&["deploy", "dev"]);
    world.write("modules/inner/main.tf", "variable \"x\" { default = 2 }\n");
    world.release("two and a half");
    let refused = world.tiers(&["deploy", "dev"]);
    assert!(refused.code() == 3 && refused.err.contains("its Terraform code differs"), "{refused:#?}");
    apply();
    world.good(&["deploy", "dev"]);

    // The values are a part of it, and a person may go on without them.
    shop.values("dev", "password = \"new\"\n");
    world.release("three");
    let refused = world.tiers(&["deploy", "dev"]);
    assert!(refused.code() == 3 && refused.err.contains("the values of its environment differ"), "{refused:#?}");
    let waived = world.good(&["deploy", "dev", "--break-glass", "no new password yet", "--skip", "terraform:dev"]);
    assert!(waived.out.contains("terraform:dev by erika: no new password yet"), "{waived:#?}");

    // Newer infrastructure holds what older code needs; a way back asks for nothing.
    apply();
    world.good(&["deploy", "dev", "--release", &one]);
    world.good(&["deploy", "dev", "--release", &two]);
    world.good(&["rollback", "dev"]);
    // So does a branch that left before and changes no Terraform: a hotfix.
    world.git(&["checkout", "-q", "-b", "hotfix", "HEAD~1"]);
    world.release("hotfix");
    world.good(&["deploy", "dev"]);
    world.git(&["checkout", "-q", "main"]);

    // Applying a branch that lacks what was applied would take that back.
    world.git(&["checkout", "-q", "-b", "apart", "HEAD~1"]);
    shop.values("dev", "password = \"apart\"\n");
    world.release("apart");
    let refused = world.tiers(&["deploy", "dev"]);
    assert!(refused.code() == 3 && refused.err.contains("so merge that first"), "{refused:#?}");
    assert!(refused.err.contains("--break-glass REASON --skip terraform:dev"), "{refused:#?}");
    world.git(&["checkout", "-q", "main"]);

    // What a link leads to is a part of the code, and so is a submodule that a module is taken from.
    world.write("shared/outputs.tf", "output \"shared\" {\n  value = 1\n}\n");
    world.shell("ln -s ../shared/outputs.tf terraform/shared.tf");
    let inner = world.path("terraform/../../taken");
    world.shell(&format!(
        "git init -q -b main {0} && mkdir {0}/api && echo 'output \"x\" {{ value = 1 }}' > {0}/api/main.tf \
         && git -C {0} add -A && git -C {0} -c user.name=e -c user.email=e@e.e commit -q -m one \
         && git -c protocol.file.allow=always submodule --quiet add {0} taken",
        inner.display()
    ));
    let with_module = format!(
        "{}module \"taken\" {{\n  source = \"../taken/api\"\n}}\n",
        std::fs::read_to_string(world.path("terraform/main.tf")).expect("readable")
    );
    world.write("terraform/main.tf", &with_module);
    world.release("links and a submodule");
    apply();
    world.good(&["deploy", "dev"]);
    let expect_refused = |of: &str| {
        let refused = world.tiers(&["deploy", "dev"]);
        assert!(refused.code() == 3 && refused.err.contains("its Terraform code differs"), "{of}: {refused:#?}");
    };
    world.write("shared/outputs.tf", "output \"shared\" {\n  value = 2\n}\n");
    world.release("behind a link");
    expect_refused("behind a link");
    apply();
    world.good(&["deploy", "dev"]);
    world.shell(
        "cd taken && echo 'output \"y\" { value = 2 }' >> api/main.tf \
         && git -c user.name=e -c user.email=e@e.e commit -q -a -m two",
    );
    world.release("in a submodule");
    expect_refused("in a submodule");
    apply();
    world.good(&["deploy", "dev"]);

    // The policy may leave it to people.
    let toml = std::fs::read_to_string(world.path("tiers.toml")).expect("readable");
    world.write("tiers.toml", &toml.replace("[terraform]\n", "[terraform]\napplied_first = \"optional\"\n"));
    world.write("terraform/main.tf", &main);
    world.release("four");
    let told = world.good(&["deploy", "dev"]);
    assert!(told.out.contains("note: the infrastructure of commit"), "{told:#?}");
}
