//! The builders: files for real, buildah for real where it is installed, the other engines as programs that write down how they
//! were called.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tiers_core::id::Digest;
use tiers_edge::build::{
    BuildError, BuildRequest, Built, DockerfileSpec, Engine, FileMapping, FileProblem, FilesSpec, Spec, build,
};
use tiers_edge::runner::SystemRunner;
use tiers_engine::port::runner::How;
use tiers_oci::{Architecture, BaseImage, Content, Layout, NewFile, NewImage, OciError, unpack, write_image};

/// A tree to build from, a layout to build into, and a folder of programs that come first on PATH.
struct Bench {
    folder: TempDir,
    store: Layout,
    env: BTreeMap<String, String>,
    architecture: Architecture,
    timeout_ms: u64,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["tree", "programs"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let store = Layout::open_or_create(folder.path().join("store")).expect("a layout");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.path().join("programs").display());
        let env = BTreeMap::from([("PATH".to_owned(), path)]);
        Bench { folder, store, env, architecture: Architecture::X86_64, timeout_ms: 60_000 }
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    fn write(&self, path: &str, content: &str) -> &Bench {
        let path = self.tree().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, content).expect("a file");
        self
    }

    fn executable(&self, path: &str, content: &str) -> &Bench {
        self.write(path, content);
        fs::set_permissions(self.tree().join(path), fs::Permissions::from_mode(0o755)).expect("a mode");
        self
    }

    fn program(&self, name: &str, script: &str) -> &Bench {
        let path = self.folder.path().join("programs").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}")).expect("a script");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
        self
    }

    fn build(&self, spec: &Spec) -> Result<Built, BuildError> {
        let tree = self.tree();
        let request = BuildRequest {
            tree: &tree,
            spec,
            architecture: self.architecture,
            env: self.env.clone(),
            timeout_ms: self.timeout_ms,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(build(&request, &self.store, &SystemRunner::default()))
    }

    fn files(&self, spec: FilesSpec) -> Result<Built, BuildError> {
        self.build(&Spec::Files(spec))
    }

    fn problems(&self, spec: FilesSpec) -> Vec<FileProblem> {
        match self.files(spec) {
            Err(BuildError::Files(problems)) => problems,
            other => panic!("{other:?}"),
        }
    }

    /// What is in an image, as a folder.
    fn unpacked(&self, digest: &Digest) -> PathBuf {
        let into = self.folder.path().join(digest.short());
        unpack(&self.store, digest, &into).expect("unpacked");
        into
    }
}

fn map(from: &str, to: &str) -> FileMapping {
    FileMapping { from: from.to_owned(), to: to.to_owned(), executable: None }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// One file that can be run, at `/bootstrap`.
fn bootstrap() -> FilesSpec {
    FilesSpec {
        files: vec![map("bootstrap", "/bootstrap")],
        entrypoint: words(&["/bootstrap"]),
        ..FilesSpec::default()
    }
}

#[test]
fn files_folders_and_globs_go_where_they_are_sent() {
    let bench = Bench::new();
    bench
        .executable("bin/app", "#!")
        .write("data/a/x.json", "x")
        .write("data/a/skip.txt", "")
        .write("data/b.json", "b");
    bench.write("static/index.html", "hello").write("static/[id].html", "brackets").write("conf.d/one", "1");
    fs::create_dir(bench.tree().join("static/empty")).expect("a folder");
    let spec = FilesSpec {
        files: vec![
            map("bin/app", "/bootstrap"),
            map("data/**/*.json", "/var/task/data"),
            map("static", "/srv/"),
            map("./static/[id].html", "/brackets"),
            map("conf.d/one", "/etc/"),
            FileMapping { executable: Some(true), ..map("conf.d/one", "/etc/run") },
        ],
        entrypoint: words(&["/bootstrap"]),
        command: words(&["serve"]),
        working_dir: Some("/var/task".to_owned()),
        ..FilesSpec::default()
    };
    let built = bench.files(spec).expect("an image");
    assert_eq!(built.builder, "files/1");
    assert_eq!(built.facts.config.cmd, ["serve"]);
    assert_eq!(bench.store.images().expect("images")[0].digest, *built.digest(), "listed");
    let root = bench.unpacked(built.digest());
    let read = |path: &str| fs::read_to_string(root.join(path)).expect(path);
    assert_eq!(read("var/task/data/a/x.json"), "x");
    assert_eq!(read("var/task/data/b.json"), "b");
    assert!(!root.join("var/task/data/a/skip.txt").exists());
    assert_eq!(read("srv/index.html"), "hello");
    assert_eq!(read("brackets"), "brackets");
    assert_eq!(read("etc/one"), "1");
    assert!(root.join("srv/empty").is_dir());
    let mode = |path: &str| fs::metadata(root.join(path)).expect(path).permissions().mode() & 0o777;
    assert_eq!((mode("bootstrap"), mode("etc/one"), mode("etc/run")), (0o755, 0o644, 0o755));
}

#[test]
fn the_same_files_make_the_same_digest_in_any_folder_at_any_time() {
    let digests: Vec<Digest> = (0..2)
        .map(|_| {
            let bench = Bench::new();
            bench.executable("bootstrap", "#!").write("data/x", "x");
            let mut spec = bootstrap();
            spec.files.push(map("data", "/data"));
            bench.files(spec).expect("an image").digest().clone()
        })
        .collect();
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_command_makes_files_with_a_fixed_time_and_only_the_variables_it_is_given() {
    let mut bench = Bench::new();
    bench.env.insert("GREETING".to_owned(), "hello".to_owned());
    let script = "printf '%s %s' \"$GREETING\" \"$SOURCE_DATE_EPOCH\" > bootstrap; chmod +x bootstrap; echo made";
    let spec = FilesSpec { run: words(&["sh", "-c", script]), ..bootstrap() };
    let built = bench.files(spec).expect("an image");
    assert_eq!(built.log.to_string(), "made\n");
    let root = bench.unpacked(built.digest());
    assert_eq!(fs::read_to_string(root.join("bootstrap")).expect("a file"), "hello 315532800");
}

#[test]
fn a_command_that_fails_or_hangs_keeps_its_output() {
    let mut bench = Bench::new();
    let spec = FilesSpec { run: words(&["sh", "-c", "echo broken: line 7; exit 3"]), ..bootstrap() };
    let error = bench.files(spec).expect_err("a failure");
    assert!(matches!(error, BuildError::Command { how: How::Exited(3), .. }), "{error}");
    assert_eq!(error.output().expect("output").to_string(), "broken: line 7\n");
    bench.timeout_ms = 200;
    let spec = FilesSpec { run: words(&["sh", "-c", "echo waiting; sleep 600"]), ..bootstrap() };
    let error = bench.files(spec).expect_err("a timeout");
    assert!(
        matches!(&error, BuildError::Command { how: How::TimedOut, output, .. } if output.head == "waiting\n"),
        "{error}"
    );
    let error = bench.files(FilesSpec { run: words(&["no-such-tool"]), ..bootstrap() }).expect_err("no program");
    assert!(error.to_string().contains("no-such-tool"), "{error}");
    assert_eq!(bench.store.images().expect("images"), [], "nothing of a failed build is listed");
}

#[test]
fn what_can_not_be_packed_is_said_all_at_once() {
    let bench = Bench::new();
    bench.executable("bootstrap", "");
    symlink("/etc", bench.tree().join("out")).expect("a link");
    symlink("/etc/hostname", bench.tree().join("name")).expect("a link");
    let mut spec = bootstrap();
    spec.run = words(&["true"]);
    for from in ["missing", "*.zip", "../x", "/etc/passwd", "a[", "out/hostname", "name", "out/*", "!a"] {
        spec.files.push(map(from, "/x"));
    }
    let problems: Vec<String> = bench.problems(spec).iter().map(ToString::to_string).collect();
    let expected = [
        "`missing` matches no file of the tree, not even after `true`",
        "`*.zip` matches no file of the tree, not even after `true`",
        "`../x` leads out of the tree",
        "`/etc/passwd` leads out of the tree",
        "`a[` a `[` is never closed",
        "`out/hostname` is a link that leads out of the tree",
        "`name` is a link that leads out of the tree",
        "`out/*` is a link that leads out of the tree",
        "`!a` takes files away",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}");
    }
    let nothing = FilesSpec { files: Vec::new(), ..bootstrap() };
    assert!(bench.problems(nothing)[0].to_string().contains("no file to pack"));
}

#[test]
fn links_are_kept_where_what_they_lead_to_goes_with_them() {
    let bench = Bench::new();
    bench.executable("bootstrap", "").write("lib/v1/x", "x");
    symlink("v1", bench.tree().join("lib/current")).expect("a link");
    let mut spec = bootstrap();
    spec.files.push(map("lib", "/opt/lib"));
    let root = bench.unpacked(bench.files(spec.clone()).expect("an image").digest());
    assert_eq!(fs::read_link(root.join("opt/lib/current")).expect("a link"), Path::new("v1"));
    assert_eq!(fs::read_to_string(root.join("opt/lib/current/x")).expect("through it"), "x");

    for (name, target, why) in [
        ("gone", "nothing", "which is not there"),
        ("up", "../bootstrap", "outside what is packed"),
        ("abs", "/etc/hostname", "absolute path"),
    ] {
        let link = bench.tree().join("lib").join(name);
        symlink(target, &link).expect("a link");
        let problems = bench.problems(spec.clone());
        assert!(problems[0].to_string().contains(why), "{problems:?}");
        fs::remove_file(link).expect("removed");
    }
}

#[test]
fn an_entry_point_that_could_never_start_is_refused() {
    let bench = Bench::new();
    bench.executable("bootstrap", "").write("plain", "");
    let with = |entrypoint: &[&str]| FilesSpec {
        files: vec![map("bootstrap", "/var/bootstrap"), map("plain", "/plain")],
        entrypoint: words(entrypoint),
        ..FilesSpec::default()
    };
    assert_eq!(bench.problems(with(&[])), [FileProblem::NoEntrypoint]);
    let message = bench.problems(with(&["/bootstrap"]))[0].to_string();
    assert!(message.contains("not among the files") && message.contains("`/var/bootstrap`"), "{message}");
    assert!(matches!(&bench.problems(with(&["/plain"]))[0], FileProblem::NotExecutable { .. }));
    let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 183, 0];
    fs::write(bench.tree().join("bootstrap"), &elf).expect("a program for another processor");
    let message = bench.problems(with(&["/var/bootstrap"]))[0].to_string();
    assert!(message.contains("for arm64, the image is for x86_64"), "{message}");
    elf[18] = 62;
    fs::write(bench.tree().join("bootstrap"), &elf).expect("a program for this processor");
    bench.files(with(&["/var/bootstrap"])).expect("an image");
}

#[test]
fn a_base_image_brings_its_files_and_its_entry_point() {
    let bench = Bench::new();
    bench.write("app", "mine");
    let layout = Layout::open_or_create(bench.folder.path().join("base")).expect("a layout");
    let base = NewImage {
        architecture: Architecture::X86_64,
        base: None,
        files: vec![NewFile {
            path: "/run".to_owned(),
            content: Content::Bytes { bytes: b"base".to_vec(), executable: true },
        }],
        entrypoint: Some(words(&["/run"])),
        cmd: None,
        env: BTreeMap::new(),
        working_dir: None,
        labels: BTreeMap::new(),
    };
    let digest = write_image(&layout, &base).expect("a base").digest;
    let spec =
        FilesSpec { files: vec![map("app", "/app")], base: Some(BaseImage { layout, digest }), ..FilesSpec::default() };
    let built = bench.files(spec.clone()).expect("an image");
    assert_eq!(built.facts.config.entrypoint, ["/run"]);
    let root = bench.unpacked(built.digest());
    assert_eq!(fs::read_to_string(root.join("run")).expect("a file"), "base");
    assert_eq!(fs::read_to_string(root.join("app")).expect("a file"), "mine");
    let other = Bench { architecture: Architecture::Arm64, ..bench };
    assert!(matches!(other.files(spec), Err(BuildError::Image(OciError::WrongArchitecture { .. }))));
}

fn dockerfile(engine: Option<Engine>) -> Spec {
    Spec::Dockerfile(DockerfileSpec {
        dockerfile: "Dockerfile".to_owned(),
        engine,
        args: BTreeMap::from([("VERSION".to_owned(), "1 2".to_owned())]),
        target: Some("runtime".to_owned()),
    })
}

/// An image of another layout, which a pretended engine "builds": its digest, the layout and an archive of it.
fn prepared(bench: &Bench, architecture: Architecture) -> (Digest, PathBuf, PathBuf) {
    let folder = bench.folder.path().join(format!("prepared-{architecture}"));
    let layout = Layout::open_or_create(&folder).expect("a layout");
    let image = NewImage {
        architecture,
        base: None,
        files: vec![NewFile {
            path: "/a".to_owned(),
            content: Content::Bytes { bytes: b"a".to_vec(), executable: true },
        }],
        entrypoint: Some(words(&["/a"])),
        cmd: None,
        env: BTreeMap::new(),
        working_dir: None,
        labels: BTreeMap::new(),
    };
    let digest = write_image(&layout, &image).expect("an image").digest;
    layout.tag(&digest, None).expect("listed");
    let archive = folder.with_extension("tar");
    let mut tar = std::process::Command::new("tar");
    tar.arg("-cf").arg(&archive).arg("-C").arg(&folder).args(["blobs", "index.json", "oci-layout"]);
    assert!(tar.status().expect("tar").success());
    (digest, folder, archive)
}

/// How a pretended engine was called, one call a line.
fn calls(bench: &Bench) -> Vec<String> {
    let text = fs::read_to_string(bench.folder.path().join("calls")).unwrap_or_default();
    let tree = bench.tree().canonicalize().expect("a folder").display().to_string();
    text.lines().map(|line| line.replace(&tree, "TREE")).collect()
}

fn recording(bench: &Bench, name: &str, script: &str) {
    let calls = bench.folder.path().join("calls");
    bench.program(name, &format!("printf '%s|' \"$@\" >> {0}; echo >> {0}\n{script}", calls.display()));
}

#[test]
fn docker_is_called_with_the_flags_that_lambda_needs_and_its_archive_gives_the_digest() {
    let bench = Bench::new();
    bench.write("Dockerfile", "FROM scratch\n");
    let (digest, _, archive) = prepared(&bench, Architecture::X86_64);
    let script = format!(
        "case \"$1\" in version) echo 28.2.2;; *) [ \"$2\" = version ] || cp {} image.tar; echo building;; esac",
        archive.display()
    );
    recording(&bench, "docker", &script);
    let built = bench.build(&dockerfile(Some(Engine::Docker))).expect("an image");
    assert_eq!((built.digest(), built.builder.as_str()), (&digest, "docker 28.2.2"));
    assert_eq!(built.log.to_string(), "building\n");
    bench.store.verify(&digest).expect("whole");
    assert_eq!(
        calls(&bench),
        [
            "version|--format|{{.Server.Version}}|",
            "buildx|version|",
            "buildx|build|--progress|plain|--provenance=false|--sbom=false|--build-arg|SOURCE_DATE_EPOCH=0|--output|\
             type=oci,dest=image.tar,rewrite-timestamp=true|--platform|linux/amd64|--build-arg|VERSION=1 2|--target|runtime|\
             --file|TREE/Dockerfile|TREE|",
        ]
    );
}

#[test]
fn podman_builds_and_pushes_to_a_layout_and_must_report_what_it_wrote() {
    let mut bench = Bench::new();
    bench.architecture = Architecture::Arm64;
    bench.write("Dockerfile", "FROM scratch\n");
    let (digest, layout, _) = prepared(&bench, Architecture::Arm64);
    let script = |reported: &str| {
        format!(
            "case \"$1\" in version) echo 5.0.1;; build) echo sha256:id > image-id;; push) cp -r {} image; \
             printf %s {reported} > digest;; esac",
            layout.display()
        )
    };
    recording(&bench, "podman", &script(digest.as_str()));
    let built = bench.build(&dockerfile(Some(Engine::Podman))).expect("an image");
    assert_eq!((built.digest(), built.builder.as_str()), (&digest, "podman 5.0.1"));
    assert_eq!(
        calls(&bench)[2..],
        [
            "build|--format|oci|--timestamp|0|--iidfile|image-id|--platform|linux/arm64|--build-arg|VERSION=1 2|--target|\
             runtime|--file|TREE/Dockerfile|TREE|",
            "push|--digestfile|digest|sha256:id|oci:image|",
        ]
    );
    recording(&bench, "podman", &script(Digest::of(b"another").as_str()));
    let error = bench.build(&dockerfile(Some(Engine::Podman))).expect_err("a lie");
    assert!(matches!(error, BuildError::DigestDiffers { .. }), "{error}");
}

#[test]
fn an_image_for_another_processor_is_not_taken_from_an_engine() {
    let bench = Bench::new();
    bench.write("Dockerfile", "FROM scratch\n");
    let (_, _, archive) = prepared(&bench, Architecture::Arm64);
    bench.program("docker", &format!("case \"$1\" in version) echo 1;; *) cp {} image.tar;; esac", archive.display()));
    let error = bench.build(&dockerfile(Some(Engine::Docker))).expect_err("the wrong image");
    assert!(matches!(error, BuildError::Image(OciError::WrongArchitecture { .. })), "{error}");
    assert_eq!(bench.store.images().expect("images"), []);
}

#[test]
fn engines_that_can_not_build_say_what_would_help() {
    for (complaint, words) in [
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "only a client",
        ),
        ("docker: 'buildx' is not a docker command.", "plugin buildx"),
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            "group `docker`",
        ),
    ] {
        let bench = Bench::new();
        bench.write("Dockerfile", "FROM scratch\n").program("docker", &format!("echo \"{complaint}\" >&2; exit 1"));
        let message = bench.build(&dockerfile(Some(Engine::Docker))).expect_err("no engine").to_string();
        assert!(message.contains(words) && message.contains(complaint) && message.contains("files"), "{message}");
    }
    let bench = Bench::new();
    bench.write("Dockerfile", "FROM scratch\n");
    let script = "case \"$1\" in version) echo 1;; *) [ \"$2\" = version ] && exit 0; \
                  echo 'ERROR: OCI exporter is not supported for the docker driver.'; exit 1;; esac";
    bench.program("docker", script);
    let error = bench.build(&dockerfile(Some(Engine::Docker))).expect_err("an old driver");
    assert!(error.to_string().contains("docker-container"), "{error}");
    assert!(error.output().expect("output").head.contains("OCI exporter"));
    assert!(!error.to_string().contains("VERSION"), "build arguments are not repeated: {error}");
}

#[test]
fn without_a_choice_the_first_engine_that_answers_builds() {
    let bench = Bench::new();
    bench.write("Dockerfile", "FROM scratch\n");
    let (digest, layout, _) = prepared(&bench, Architecture::X86_64);
    bench.program("docker", "echo 'Cannot connect to the Docker daemon'; exit 1");
    bench.program("podman", "exit 125");
    let script = format!(
        "case \"$1\" in --version) echo buildah version 1.28.2;; bud) echo id > image-id;; push) cp -r {} image; \
         printf %s {digest} > digest;; esac",
        layout.display()
    );
    recording(&bench, "buildah", &script);
    let built = bench.build(&dockerfile(None)).expect("an image");
    assert_eq!(built.builder, "buildah 1.28.2");
    assert_eq!(calls(&bench).last().map(String::as_str), Some("rmi|id|"), "its storage is left clean");
    bench.program("buildah", "exit 1");
    let message = bench.build(&dockerfile(None)).expect_err("none left").to_string();
    for words in ["docker: ", "podman: it gave no reason", "buildah: "] {
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_dockerfile_that_is_not_in_the_tree_is_named() {
    let bench = Bench::new();
    for name in ["Dockerfile", "../Dockerfile", "/etc/hostname", ""] {
        let spec = Spec::Dockerfile(DockerfileSpec { dockerfile: name.to_owned(), ..DockerfileSpec::default() });
        let error = bench.build(&spec).expect_err("no Dockerfile");
        assert!(matches!(&error, BuildError::NoDockerfile { dockerfile } if dockerfile == name), "{error}");
    }
}

/// Whether the real buildah can be used. Where it must be there, its absence is a failure.
fn has_buildah() -> bool {
    let found =
        std::process::Command::new("buildah").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        assert!(
            std::env::var_os("CI").is_none(),
            "buildah is not installed, and CI must run this test: apt-get install buildah"
        );
        // Not by `eprintln!`, which the test harness swallows.
        let _ = writeln!(std::io::stderr(), "NOT TESTED: buildah is not installed, so no Dockerfile was really built");
    }
    found
}

#[test]
fn the_real_buildah_builds_the_same_digest_twice() {
    if !has_buildah() {
        return;
    }
    let mut digests = Vec::new();
    for _ in 0..2 {
        let mut bench = Bench::new();
        bench.executable("app", "#!/bin/sh\n").write(
            "Dockerfile",
            "FROM scratch AS runtime\nARG VERSION\nLABEL v=$VERSION\nCOPY app /app\nENTRYPOINT [\"/app\"]\n",
        );
        let storage = bench.folder.path().join("storage");
        let conf = bench.folder.path().join("storage.conf");
        let text = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{0}/graph\"\nrunroot = \"{0}/run\"\n",
            storage.display()
        );
        fs::write(&conf, text).expect("a configuration");
        bench.env.insert("CONTAINERS_STORAGE_CONF".to_owned(), conf.display().to_string());
        bench.env.insert("BUILDAH_ISOLATION".to_owned(), "chroot".to_owned());
        let built = bench.build(&dockerfile(Some(Engine::Buildah))).expect("an image");
        assert!(built.builder.starts_with("buildah "), "{}", built.builder);
        assert_eq!(built.facts.config.entrypoint, ["/app"]);
        assert_eq!(built.facts.config.labels["v"], "1 2");
        bench.store.verify(built.digest()).expect("whole");
        let root = bench.unpacked(built.digest());
        assert_eq!(fs::read_to_string(root.join("app")).expect("a file"), "#!/bin/sh\n");
        digests.push(built.digest().clone());
    }
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn the_real_buildah_that_fails_shows_its_own_words() {
    if !has_buildah() {
        return;
    }
    let bench = Bench::new();
    bench.write("Dockerfile", "FROM scratch AS runtime\nCOPY missing /x\n");
    let error = bench.build(&dockerfile(Some(Engine::Buildah))).expect_err("a failure");
    assert!(matches!(error, BuildError::Engine { .. }), "{error}");
    assert!(error.output().expect("output").to_string().contains("missing"), "{error}");
}
