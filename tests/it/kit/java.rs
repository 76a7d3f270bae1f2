use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub(crate) const POM: &str = include_str!("kafka/pom.xml");
const KIT_BROKER: &str = include_str!("kafka/KitBroker.java");
const KIT_ACLS: &str = include_str!("kafka/KitAcls.java");
const MURMUR2: &str = include_str!("kafka/Murmur2.java");

/// Oldest Java that Apache Kafka 4 runs on.
const MIN_JAVA: u32 = 17;

pub(crate) fn java(jvm_options: &[&str], class: &str) -> Command {
    let mut command = Command::new("java");
    // Without a usable archive, Java only starts later.
    command.args(["-Xlog:disable", "-Xlog:all=error:stderr"]);
    command.arg(format!("-XX:SharedArchiveFile={}", folder().join(ARCHIVE).display()));
    command.args(jvm_options).arg("-cp").arg(class_path(folder())).arg(class);
    command
}

pub(crate) fn missing(java: Option<u32>, javac: bool, maven: bool) -> Option<String> {
    let java_is_there = javac && java.is_some_and(|major| major >= MIN_JAVA);
    let needed = match (java_is_there, maven) {
        (true, true) => return None,
        (false, true) => "a Java development kit, 17 or newer",
        (true, false) => "Maven",
        (false, false) => "a Java development kit, 17 or newer, and Maven",
    };
    let found = java.map_or("no Java".to_owned(), |major| format!("Java {major}"));
    let compiler = if javac { "javac" } else { "no javac" };
    let fetcher = if maven { "mvn" } else { "no mvn" };
    Some(format!(
        "These tests run on a real Apache Kafka, which needs {needed} on the PATH \
         (found: {found}, {compiler}, {fetcher}). On Debian or Ubuntu: \
         apt-get install openjdk-17-jdk-headless maven. Most of them can use a cluster of yours \
         instead: set KAFKA_BOOTSTRAP to its host:port."
    ))
}

pub(crate) fn major_version(printed: &str) -> Option<u32> {
    let version = printed.split('"').nth(1)?;
    version.split(['.', '-', '+']).next()?.parse().ok()
}

/// Verified classes, which halve the time until a broker answers.
const ARCHIVE: &str = "kafka.jsa";

/// An archive cannot be used with a folder of classes.
fn class_path(folder: &Path) -> String {
    folder.join("jars/*").display().to_string()
}

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(installed)
}

fn installed() -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = cache.join(format!("kafka-{:016x}", fingerprint()));
    let lock = File::create(cache.join("kafka.lock")).expect("the target folder can be written");
    lock.lock().expect("the target folder's file system has locks");
    // Checked under the lock, because another test process may be downloading.
    let fetched = folder.exists();
    let java = java_version();
    if !fetched || java.is_none_or(|major| major < MIN_JAVA) {
        if let Some(message) = missing(java, answers("javac"), answers("mvn")) {
            panic!("{message}");
        }
        install(cache, &folder);
        archive_classes(&folder);
    }
    folder
}

fn fingerprint() -> u64 {
    let mut hasher = DefaultHasher::new();
    [POM, KIT_BROKER, KIT_ACLS, MURMUR2, ARCHIVE].hash(&mut hasher);
    hasher.finish()
}

fn install(cache: &Path, folder: &Path) {
    eprintln!("fetching Apache Kafka through Maven, once…");
    let draft = tempfile::tempdir_in(cache).expect("the target folder can be written");
    let path = |name: &str| draft.path().join(name);
    fs::write(path("pom.xml"), POM).expect("pom.xml");
    fs::write(path("KitBroker.java"), KIT_BROKER).expect("KitBroker.java");
    fs::write(path("KitAcls.java"), KIT_ACLS).expect("KitAcls.java");
    fs::write(path("Murmur2.java"), MURMUR2).expect("Murmur2.java");
    let mut fetch = Command::new("mvn");
    fetch.args(["-B", "-q", "dependency:copy-dependencies", "-DoutputDirectory=jars"]);
    run(fetch.current_dir(&draft));
    let mut compile = Command::new("javac");
    compile.args(["-d", "classes", "-cp", "jars/*", "KitBroker.java", "KitAcls.java", "Murmur2.java"]);
    run(compile.current_dir(&draft));
    run(Command::new("jar").args(["-cf", "jars/kit.jar", "-C", "classes", "."]).current_dir(&draft));
    // Last, so that an interrupted run leaves no folder that looks complete.
    fs::rename(draft.keep(), folder).expect("a rename inside the target folder");
}

/// An archive names the paths of its jars. A failure costs time only.
fn archive_classes(folder: &Path) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let [plain, controller] = free.map(|listener| listener.local_addr().expect("an address"));
    let properties = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n\
         listeners=PLAIN://{plain},CONTROLLER://{controller}\ninter.broker.listener.name=PLAIN\n\
         listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         controller.quorum.voters=1@{controller}\nlog.dirs={}\n",
        home.path().join("data").display()
    );
    fs::write(home.path().join("server.properties"), properties).expect("server.properties");
    let mut broker = Command::new("java");
    broker.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xlog:disable"]);
    broker.arg(format!("-XX:ArchiveClassesAtExit={}", folder.join(ARCHIVE).display()));
    broker.arg("-cp").arg(class_path(folder)).arg("KitBroker").arg(home.path());
    broker.args(["--cluster-id", "justcall-bridge-kit-0w"]);
    broker.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut broker = broker.spawn().expect("java starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(plain).is_err() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    // A broker that is killed writes no archive.
    let _ = Command::new("sh").args(["-c", &format!("kill -TERM {}", broker.id())]).status();
    while matches!(broker.try_wait(), Ok(None)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = broker.kill();
    let _ = broker.wait();
}

pub(crate) fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn java_version() -> Option<u32> {
    let output = Command::new("java").arg("-version").output().ok()?;
    major_version(&String::from_utf8_lossy(&output.stderr))
}

fn answers(tool: &str) -> bool {
    Command::new(tool).arg("-version").output().is_ok_and(|output| output.status.success())
}
