//! What a program needs before it does anything: a command line, an executor, and an end that tells a
//! script how it went.
//!
//! The danger is in the order. Signals must be named while there is no thread yet that would get them
//! in the stead of the server, so the runtime is built here, once the command line is known. And it is
//! ended here, so that what is cut off at the end is told.

use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use net::signal::SignalKind;
use net::{Inherited, Listener, TcpListener, UnixListener, stdio};
use runtime::Runtime;
use runtime::time::{Duration, timeout};

/// Runs a program: 0 if all went well, or only the usage was asked for; else 1, and why.
pub fn run<O>(
    name: &str,
    usage: &str,
    parse: impl FnOnce(lexopt::Parser) -> Result<Option<O>, lexopt::Error>,
    serve: impl FnOnce(O) -> io::Result<()>,
) -> ExitCode {
    let done = match parse(lexopt::Parser::from_env()) {
        Ok(Some(options)) => serve(options),
        Ok(None) => {
            println!("{usage}");
            Ok(())
        }
        Err(error) => Err(misuse(error, usage)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not `eprintln!`: that nobody reads it is no reason to end in another way.
            let _ = writeln!(io::stderr(), "{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The command line of a program that has no options. `None` if only the usage was asked for, which
/// then has been printed.
///
/// # Errors
///
/// If there is an option, or what is no text.
pub fn words(usage: &str) -> io::Result<Option<Vec<String>>> {
    let mut words = Vec::new();
    let mut line = lexopt::Parser::from_env();
    while let Some(argument) = line.next().map_err(|error| misuse(error, usage))? {
        match argument {
            lexopt::Arg::Value(word) => match word.into_string() {
                Ok(word) => words.push(word),
                Err(word) => return Err(misuse(format!("{word:?} is no UTF-8"), usage)),
            },
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => {
                println!("{usage}");
                return Ok(None);
            }
            option => return Err(misuse(option.unexpected(), usage)),
        }
    }
    Ok(Some(words))
}

/// What is wrong with a command line, and how it should be.
pub fn misuse(why: impl fmt::Display, usage: &str) -> io::Error {
    io::Error::other(format!("{why}\n{usage}"))
}

/// Which executor serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executor {
    /// One thread, or several.
    pub flavor: Flavor,
    /// With [`Flavor::Steal`]; `None`: one a processor.
    pub workers: Option<usize>,
}

/// Who runs the tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavor {
    /// One thread.
    #[default]
    Single,
    /// Several, which take tasks off each other.
    Steal,
}

impl Executor {
    /// Whether the two settings go together.
    ///
    /// # Errors
    ///
    /// If not, saying why.
    pub fn check(self) -> Result<(), lexopt::Error> {
        match (self.flavor, self.workers) {
            (_, Some(0)) => Err("--workers takes a number from 1 on".into()),
            (Flavor::Single, Some(2..)) => {
                Err("--flavor single has one worker; --workers goes with --flavor steal".into())
            }
            _ => Ok(()),
        }
    }

    /// Runs a server that sees these signals. It has given its clients the time that they may have when
    /// it returns; what is left is cut then, and told.
    ///
    /// # Errors
    ///
    /// Those of the server; and if the system has no threads or descriptors left.
    pub fn run(
        self,
        signals: &[SignalKind],
        server: impl Future<Output = io::Result<()>>,
    ) -> io::Result<()> {
        let runtime = self.build(signals)?;
        let served = runtime.block_on(server);
        let report = runtime.shutdown(Duration::ZERO);
        if !report.is_clean() {
            // As above.
            let _ = writeln!(io::stderr(), "{report}");
        }
        served
    }

    /// Builds it, and allows it as many connections as it may have.
    fn build(self, signals: &[SignalKind]) -> io::Result<Runtime> {
        // Ten thousand connections need as many descriptors. It is no error to get fewer: then the
        // accept loop waits until some are free.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let mut builder = match self.flavor {
            Flavor::Single => runtime::Builder::new_current_thread(),
            Flavor::Steal => runtime::Builder::new_multi_thread(),
        };
        if let (Flavor::Steal, Some(workers)) = (self.flavor, self.workers) {
            builder.worker_threads(workers);
        }
        builder.signals(signals.iter().copied()).build()
    }
}

/// Says a line on standard output. If nobody reads it, that stops nothing: a pipe that is full would stop
/// all clients of a thread that waits for it, and a broken one would end the program.
pub async fn say(line: &str) {
    let told = async {
        let mut stdout = stdio::stdout()?;
        stdout.write_all(format!("{line}\n").as_bytes()).await?;
        stdout.flush().await
    };
    let _: Result<io::Result<()>, _> = timeout(TO_BE_HEARD, told).await;
}

/// Says a line on standard error, as [`say`] does.
pub async fn complain(line: &str) {
    let told = async {
        let mut stderr = stdio::stderr()?;
        stderr.write_all(format!("{line}\n").as_bytes()).await?;
        stderr.flush().await
    };
    let _: Result<io::Result<()>, _> = timeout(TO_BE_HEARD, told).await;
}

/// The sockets that the program was started with, as by systemd.
#[derive(Debug)]
pub struct Given {
    /// The one of this kind.
    pub tcp: Option<TcpListener>,
    /// The one of this kind.
    pub unix: Option<UnixListener>,
}

impl Given {
    /// Takes them.
    ///
    /// # Errors
    ///
    /// As [`Inherited::take`]; and if there are several of a kind: clients would wait at one of them for
    /// ever.
    pub fn take() -> io::Result<Self> {
        let Inherited { tcp, unix, .. } = Inherited::take()?;
        Ok(Self {
            tcp: only(tcp, "TCP")?,
            unix: only(unix, "unix")?,
        })
    }
}

fn only<L>(listeners: Vec<L>, kind: &str) -> io::Result<Option<L>> {
    match listeners.len() {
        0 | 1 => Ok(listeners.into_iter().next()),
        several => Err(io::Error::other(format!(
            "started with {several} {kind} sockets, and listens at one: give it one, in systemd by one \
             ListenStream="
        ))),
    }
}

/// Welcomes those who wait in a listener's queue, until nobody has come for a moment. For a server that
/// is about to close it: whoever is in there then is reset by the kernel, and takes it for a crash.
///
/// Who comes in the very moment of closing is reset all the same: a listener cannot be closed for those
/// who come, and open for those who wait.
pub async fn empty_queue<L: Listener>(listener: &L, mut welcome: impl FnMut(L::Connection)) {
    let mut incoming = listener.incoming();
    let until_quiet = async {
        while let Ok(Ok((connection, _))) = timeout(QUIET, incoming.accept()).await {
            welcome(connection);
        }
    };
    // They may come for ever.
    let _ = timeout(LAST_CALL, until_quiet).await;
}

impl fmt::Display for Flavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "single",
            Self::Steal => "steal",
        })
    }
}

impl FromStr for Flavor {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "single" => Ok(Self::Single),
            "steal" => Ok(Self::Steal),
            other => Err(format!("--flavor is single or steal, not `{other}`")),
        }
    }
}

/// The value of an option that is a number.
///
/// # Errors
///
/// If there is none, or it is something else.
pub fn number<N: FromStr>(option: &str, line: &mut lexopt::Parser) -> Result<N, lexopt::Error> {
    whole(option, &text(line)?).map_err(Into::into)
}

/// The value of an option that is a time.
///
/// # Errors
///
/// If there is none, or it is something else.
pub fn seconds(option: &str, line: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    some_seconds(option, &text(line)?).map_err(Into::into)
}

/// A number of seconds, which is not 0: nothing can be done in that time.
///
/// # Errors
///
/// What it should be.
pub fn some_seconds(option: &str, text: &str) -> Result<Duration, String> {
    whole::<NonZeroU64>(option, text).map(|seconds| Duration::from_secs(seconds.get()))
}

/// A number, as the type of it allows.
///
/// # Errors
///
/// What it should be.
pub fn whole<N: FromStr>(option: &str, text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|_| format!("{option} takes a whole number, such as 1024, not `{text}`"))
}

/// The value of an option that is an address; what an address looks like is said by an example.
///
/// # Errors
///
/// If there is none, or it is something else.
pub fn address(line: &mut lexopt::Parser, example: &str) -> Result<SocketAddr, lexopt::Error> {
    let text = text(line)?;
    text.parse().map_err(|_| {
        let cure = format!("takes a numeric address and port, such as {example}");
        format!("--addr {cure}, not `{text}`").into()
    })
}

/// The value of an option that is a path.
///
/// # Errors
///
/// If there is none, or it is empty: for the kernel that would be a socket at a name of its choice.
pub fn path(option: &str, line: &mut lexopt::Parser) -> Result<PathBuf, lexopt::Error> {
    let path = line.value()?;
    match path.is_empty() {
        false => Ok(path.into()),
        true => Err(format!("{option} takes a path, not nothing").into()),
    }
}

/// The value of an option.
///
/// # Errors
///
/// If there is none, or it is no text.
pub fn text(line: &mut lexopt::Parser) -> Result<String, lexopt::Error> {
    lexopt::ValueExt::string(line.value()?)
}

/// For a reader of what is said that is only slow.
const TO_BE_HEARD: Duration = Duration::from_secs(1);
/// Enough for whoever is in the queue to be seen.
const QUIET: Duration = Duration::from_millis(20);
/// Enough for the longest queue.
const LAST_CALL: Duration = Duration::from_secs(1);
