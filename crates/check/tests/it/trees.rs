//! Configurations as teams really write them, ugly ones among them: what the checker says about each, line by line.
//!
//! The trees were written for these tests. Each snapshot was read: what stands in it is meant, what is missing is quiet on purpose.

use tiers_check::{FileTree, Options, Report, check};

fn lines(report: &Report) -> String {
    let mut out = format!("environments: {}\n", report.layout.environments.join(", "));
    for stack in &report.layout.stacks {
        let instances: Vec<&str> =
            stack.instances.iter().map(|instance| instance.environment.as_deref().unwrap_or("-")).collect();
        out.push_str(&format!("{}: {} [{}]\n", stack.name, stack.shape.as_str(), instances.join(", ")));
    }
    for note in &report.layout.notes {
        out.push_str(&format!("note {}: {}\n", note.path, note.says));
    }
    for finding in &report.findings {
        let (severity, at) = (finding.severity.as_str(), &finding.at);
        out.push_str(&format!("{severity} {} {}:{} {}\n", finding.rule, at.path, at.line, finding.message));
    }
    out
}

macro_rules! trees {
    ($($name:ident: $sentence:ident),* $(,)?) => {$(
        #[test]
        fn $sentence() {
            let tree = FileTree::from_listing(include_str!(concat!("../trees/", stringify!($name), ".txt")));
            insta::assert_snapshot!(stringify!($name), lines(&check(&tree, &Options::default())));
        }
    )*};
}

trees! {
    accounts: an_account_for_each_environment_and_some_that_are_none,
    azure: values_and_backends_in_folders_of_their_own,
    chain: workflows_that_wait_for_each_other_and_roll_back_by_hand,
    chosen: one_workflow_that_chooses_its_environment,
    copies: folders_that_were_copied_from_one_environment_to_the_next,
    handed: roots_that_hand_their_values_to_modules_and_keep_state_in_the_cloud,
    hardcoded: a_root_for_each_environment_with_its_values_written_into_calls,
    hosted: states_that_a_service_keeps_generated_json_and_tenants,
    layers: layers_times_environments_with_settings_merged_by_a_script,
    legacy: a_repository_from_the_days_of_terraform_0_11,
    library: a_published_module_has_nothing_to_compare,
    makefile: a_makefile_that_puts_the_backend_together,
    modules: modules_that_compute_names_and_tags_for_others,
    monorepo: three_apps_in_one_repository_each_in_its_own_manner,
    orderly: a_service_whose_pipeline_and_infrastructure_are_in_order,
    pipelines: workflows_that_grew,
    regions: environments_times_regions,
    releases: deployments_by_actions_and_charts,
    sites: live_folders_by_environment_and_region,
    startup: a_shared_root_with_everything_in_one_folder,
    terragrunt: what_terragrunt_runs_is_left_to_it,
    tidy: where_all_is_well_nothing_is_said,
    workspaces: workspaces_with_a_map_of_settings,
}
