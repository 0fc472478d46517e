//! What services demand of names, and which resource types take tags.

use std::sync::LazyLock;

/// Where a name has to be unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// In the whole world.
    World,
    /// In an account (a subscription, a project).
    Account,
    /// In one region of an account.
    Region,
}

/// A resource type whose name must be unique.
#[derive(Debug)]
pub(crate) struct NamedType {
    pub(crate) kind: &'static str,
    pub(crate) attribute: &'static str,
    pub(crate) scope: Scope,
    /// Characters.
    pub(crate) limit: usize,
    /// What else tells two of one name apart: the zone of a record, the group of a schedule.
    pub(crate) within: &'static [&'static str],
}

const fn named(kind: &'static str, attribute: &'static str, scope: Scope, limit: usize) -> NamedType {
    NamedType { kind, attribute, scope, limit, within: &[] }
}

const fn within(
    kind: &'static str,
    attribute: &'static str,
    scope: Scope,
    limit: usize,
    within: &'static [&'static str],
) -> NamedType {
    NamedType { kind, attribute, scope, limit, within }
}

/// Names and limits as the services' API references state them. Types that scope their names to something smaller than a region (an
/// alias to its function, an inline policy to its role, a service to its cluster) are left out on purpose.
pub(crate) const NAMED_TYPES: &[NamedType] = &[
    named("aws_alb", "name", Scope::Region, 32),
    named("aws_athena_workgroup", "name", Scope::Region, 128),
    named("aws_autoscaling_group", "name", Scope::Region, 255),
    named("aws_batch_compute_environment", "name", Scope::Region, 128),
    named("aws_batch_job_queue", "name", Scope::Region, 128),
    named("aws_cloudfront_cache_policy", "name", Scope::Account, 128),
    named("aws_cloudfront_function", "name", Scope::Account, 64),
    named("aws_cloudfront_origin_access_control", "name", Scope::Account, 64),
    named("aws_cloudfront_response_headers_policy", "name", Scope::Account, 128),
    named("aws_cloudwatch_dashboard", "dashboard_name", Scope::Account, 255),
    named("aws_cloudwatch_event_bus", "name", Scope::Region, 256),
    named("aws_cloudwatch_event_rule", "name", Scope::Region, 64),
    named("aws_cloudwatch_log_group", "name", Scope::Region, 512),
    named("aws_cloudwatch_metric_alarm", "alarm_name", Scope::Region, 255),
    named("aws_codebuild_project", "name", Scope::Region, 150),
    named("aws_codepipeline", "name", Scope::Region, 100),
    named("aws_cognito_user_pool_domain", "domain", Scope::World, 63),
    named("aws_db_instance", "identifier", Scope::Region, 63),
    named("aws_db_parameter_group", "name", Scope::Region, 255),
    named("aws_db_subnet_group", "name", Scope::Region, 255),
    named("aws_dynamodb_table", "name", Scope::Region, 255),
    named("aws_ecr_repository", "name", Scope::Region, 256),
    named("aws_ecs_cluster", "name", Scope::Region, 255),
    named("aws_eks_cluster", "name", Scope::Region, 100),
    named("aws_elasticache_cluster", "cluster_id", Scope::Region, 50),
    named("aws_elasticache_replication_group", "replication_group_id", Scope::Region, 40),
    named("aws_elasticache_subnet_group", "name", Scope::Region, 255),
    named("aws_elb", "name", Scope::Region, 32),
    named("aws_glue_catalog_database", "name", Scope::Region, 255),
    named("aws_glue_job", "name", Scope::Region, 255),
    named("aws_iam_group", "name", Scope::Account, 128),
    named("aws_iam_instance_profile", "name", Scope::Account, 128),
    named("aws_iam_openid_connect_provider", "url", Scope::Account, 255),
    named("aws_iam_policy", "name", Scope::Account, 128),
    named("aws_iam_role", "name", Scope::Account, 64),
    named("aws_iam_user", "name", Scope::Account, 64),
    named("aws_key_pair", "key_name", Scope::Region, 255),
    named("aws_kinesis_firehose_delivery_stream", "name", Scope::Region, 64),
    named("aws_kinesis_stream", "name", Scope::Region, 128),
    named("aws_kms_alias", "name", Scope::Region, 256),
    named("aws_lambda_function", "function_name", Scope::Region, 64),
    named("aws_lambda_layer_version", "layer_name", Scope::Region, 140),
    named("aws_launch_template", "name", Scope::Region, 128),
    named("aws_lb", "name", Scope::Region, 32),
    named("aws_lb_target_group", "name", Scope::Region, 32),
    named("aws_msk_cluster", "cluster_name", Scope::Region, 64),
    named("aws_opensearch_domain", "domain_name", Scope::Region, 28),
    named("aws_rds_cluster", "cluster_identifier", Scope::Region, 63),
    named("aws_rds_cluster_parameter_group", "name", Scope::Region, 255),
    named("aws_redshift_cluster", "cluster_identifier", Scope::Region, 63),
    named("aws_redshiftserverless_workgroup", "workgroup_name", Scope::Region, 64),
    within("aws_route53_record", "name", Scope::World, 1024, &["zone_id", "type", "set_identifier"]),
    named("aws_s3_bucket", "bucket", Scope::World, 63),
    within("aws_scheduler_schedule", "name", Scope::Region, 64, &["group_name"]),
    named("aws_scheduler_schedule_group", "name", Scope::Region, 64),
    named("aws_secretsmanager_secret", "name", Scope::Region, 512),
    named("aws_ses_template", "name", Scope::Region, 64),
    named("aws_sfn_state_machine", "name", Scope::Region, 80),
    named("aws_sns_topic", "name", Scope::Region, 256),
    named("aws_sqs_queue", "name", Scope::Region, 80),
    named("aws_ssm_parameter", "name", Scope::Region, 1011),
    named("aws_wafv2_web_acl", "name", Scope::Region, 128),
    named("azurerm_container_registry", "name", Scope::World, 50),
    named("azurerm_function_app", "name", Scope::World, 60),
    named("azurerm_key_vault", "name", Scope::World, 24),
    named("azurerm_linux_function_app", "name", Scope::World, 60),
    named("azurerm_linux_web_app", "name", Scope::World, 60),
    named("azurerm_resource_group", "name", Scope::Account, 90),
    named("azurerm_storage_account", "name", Scope::World, 24),
    named("azurerm_windows_function_app", "name", Scope::World, 60),
    named("azurerm_windows_web_app", "name", Scope::World, 60),
    within("google_cloud_run_v2_service", "name", Scope::Account, 49, &["location"]),
    named("google_pubsub_topic", "name", Scope::Account, 255),
    named("google_service_account", "account_id", Scope::Account, 30),
    named("google_storage_bucket", "name", Scope::World, 63),
];

pub(crate) fn named_type(kind: &str) -> Option<&'static NamedType> {
    NAMED_TYPES.binary_search_by(|named| named.kind.cmp(kind)).ok().map(|index| &NAMED_TYPES[index])
}

static TAGGABLE: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("../data/aws-taggable.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// Whether resources of this type take `tags`. Types of other providers than AWS are never said to.
pub(crate) fn is_taggable(kind: &str) -> bool {
    TAGGABLE.binary_search(&kind).is_ok()
}

/// Accounts of AWS itself and of publishers of machine images and layers, which are right in shared code.
pub(crate) const WELL_KNOWN_ACCOUNTS: &[&str] = &[
    "000000000000",
    "017000801446",
    "027255383542",
    "027434742980",
    "033677994240",
    "054676820928",
    "085925885305",
    "094274105915",
    "099720109477",
    "114774131450",
    "123456789012",
    "127311923021",
    "136693071363",
    "137112412989",
    "156460612806",
    "156479216028",
    "179606484560",
    "184161586896",
    "309956199498",
    "336392948345",
    "379101102735",
    "451483290750",
    "464622532012",
    "507241528517",
    "580247275435",
    "582318560864",
    "591542846629",
    "600734575887",
    "602401143452",
    "634166935893",
    "652711504416",
    "718504428378",
    "725887861453",
    "740025361544",
    "754728514883",
    "770693421928",
    "772183846438",
    "783225319266",
    "797873946194",
    "801119661308",
    "897822967062",
    "901920570463",
    "943013980633",
    "985666609251",
    "986891699432",
];

#[cfg(test)]
mod tests {
    use super::{NAMED_TYPES, TAGGABLE, is_taggable, named_type};

    #[test]
    fn both_tables_are_sorted_so_that_they_can_be_searched() {
        assert!(NAMED_TYPES.is_sorted_by_key(|named| named.kind));
        assert!(TAGGABLE.is_sorted());
        assert!(TAGGABLE.len() > 700);
        assert!(named_type("aws_s3_bucket").is_some() && named_type("aws_lambda_alias").is_none());
        assert!(is_taggable("aws_lambda_function") && !is_taggable("aws_lambda_alias"));
    }
}
