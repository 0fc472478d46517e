//! A model with a clock that only moves when told, and the calls that most tests need, short.

use tiers_lambda::api::{ApiError, Settings};
use tiers_lambda::model::{
    AliasConfiguration, CreateAlias, CreateFunction, FunctionCode, FunctionConfiguration, ListRequest, Model,
    ModelError, Options, Place, Plane, PublishVersion, RoutingConfig, UpdateAlias, UpdateFunctionCode,
    UpdateFunctionConfiguration,
};

pub const ROLE: &str = "arn:aws:iam::123456789012:role/app";
pub const REPOSITORY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app";

/// Durations of every kind differ, so that a test sees which one was used.
pub fn options() -> Options {
    Options { create_ms: 1000, update_ms: 200, publish_ms: 300, restore_ms: 4000, ..Options::default() }
}

pub struct World {
    pub model: Model,
    pub place: Place,
    pub now_ms: u64,
}

/// `sha256:` and the number in 64 hexadecimal digits.
pub fn digest(number: u32) -> String {
    format!("sha256:{number:064x}")
}

/// The URI by digest of image `number`.
pub fn image(number: u32) -> String {
    format!("{REPOSITORY}@{}", digest(number))
}

/// Settings that pass everywhere.
pub fn settings() -> Settings {
    Settings {
        role: ROLE.into(),
        memory_mb: 256,
        timeout_s: 10,
        architecture: "x86_64".into(),
        ephemeral_mb: 512,
        ..Settings::default()
    }
}

impl World {
    /// Images 1 to 9, and no function.
    pub fn empty(options: Options) -> World {
        let mut model = Model::new(options);
        for number in 1..10 {
            model.put_image(0, REPOSITORY, &digest(number));
        }
        let place = Place { account: "123456789012".into(), region: "eu-west-1".into() };
        World { model, place, now_ms: 1_700_000_000_000 }
    }

    /// An Active function `f` of image 1.
    pub fn new() -> World {
        World::with(options())
    }

    pub fn with(options: Options) -> World {
        let mut world = World::empty(options);
        world.create("f").expect("the function is made");
        world.pass(1000);
        world
    }

    pub fn at(&mut self) -> Plane<'_> {
        self.model.at(&self.place, self.now_ms)
    }

    pub fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    pub fn create(&mut self, name: &str) -> Result<FunctionConfiguration, ModelError> {
        self.at().create_function(create(name))
    }

    pub fn look(&mut self) -> FunctionConfiguration {
        self.look_at("$LATEST")
    }

    pub fn look_at(&mut self, qualifier: &str) -> FunctionConfiguration {
        self.at().get_function("f", Some(qualifier)).expect("it exists").configuration
    }

    pub fn revision(&mut self) -> String {
        self.look().revision_id
    }

    /// With the current token, to the end.
    pub fn recode(&mut self, number: u32) {
        self.update_code(number, None).expect("the update is accepted");
        self.pass(200);
    }

    pub fn update_code(&mut self, number: u32, revision: Option<&str>) -> Result<FunctionConfiguration, ModelError> {
        let revision_id = revision.map(str::to_owned);
        let image_uri = Some(image(number));
        self.at().update_function_code(UpdateFunctionCode { image_uri, revision_id, ..update_code() })
    }

    /// Changes settings, to the end of the update.
    pub fn reset(&mut self, changes: UpdateFunctionConfiguration) {
        let request = UpdateFunctionConfiguration { function_name: "f".into(), ..changes };
        self.at().update_function_configuration(request).expect("the update is accepted");
        self.pass(200);
    }

    pub fn publish(&mut self, description: &str) -> Result<FunctionConfiguration, ModelError> {
        let description = Some(description.to_owned());
        self.at().publish_version(PublishVersion { description, ..publish() })
    }

    /// Publishes images 1 to `count`, one version each, and waits until the last is Active.
    pub fn with_versions(mut self, count: u32) -> World {
        for number in 1..=count {
            if number > 1 {
                self.recode(number);
            }
            self.publish("").expect("published");
        }
        self.pass(300);
        self
    }

    pub fn create_alias(&mut self, version: &str, weights: &[(&str, f64)]) -> Result<AliasConfiguration, ModelError> {
        let routing_config = (!weights.is_empty()).then(|| routing(weights));
        let function_version = version.to_owned();
        let (function_name, name) = ("f".to_owned(), "live".to_owned());
        self.at().create_alias(CreateAlias { function_name, name, function_version, routing_config, description: None })
    }

    pub fn alias(&mut self) -> AliasConfiguration {
        self.at().get_alias("f", "live").expect("it exists")
    }

    /// `live` of `f`; the rest as given.
    pub fn update_alias(&mut self, request: UpdateAlias) -> Result<AliasConfiguration, ModelError> {
        let (function_name, name) = ("f".to_owned(), "live".to_owned());
        self.at().update_alias(UpdateAlias { function_name, name, ..request })
    }

    pub fn numbers(&mut self) -> Vec<String> {
        let request = ListRequest { function_name: "f".into(), ..ListRequest::default() };
        let page = self.at().list_versions(&request).expect("it exists");
        page.items.into_iter().map(|version| version.version).collect()
    }
}

pub fn create(name: &str) -> CreateFunction {
    CreateFunction {
        function_name: name.into(),
        role: ROLE.into(),
        code: FunctionCode { image_uri: Some(image(1)) },
        ..CreateFunction::default()
    }
}

pub fn update_code() -> UpdateFunctionCode {
    UpdateFunctionCode { function_name: "f".into(), ..UpdateFunctionCode::default() }
}

pub fn publish() -> PublishVersion {
    PublishVersion { function_name: "f".into(), ..PublishVersion::default() }
}

pub fn routing(weights: &[(&str, f64)]) -> RoutingConfig {
    let weights = weights.iter().map(|(version, weight)| ((*version).to_owned(), *weight));
    RoutingConfig { additional_version_weights: weights.collect() }
}

/// Checks status, exception and a part of the message, and answers what a deployer makes of it.
pub fn refused<T: std::fmt::Debug>(
    answer: Result<T, ModelError>,
    status: u16,
    exception: &str,
    part: &str,
) -> ApiError {
    let error = answer.expect_err("a refusal");
    assert_eq!((error.status(), error.code()), (status, exception), "{error}");
    assert!(error.message.contains(part), "`{part}` in: {error}");
    error.into()
}
