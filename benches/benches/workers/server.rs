//! The two servers, in a process of their own: the same echo on two workers of either runtime.
//!
//! It obeys lines on its stdin, and ends with it. A worker is made to stick from inside, by a task
//! that is spawned where a message is being served: so it is the worker with the work that sticks.

use std::io::{self, BufRead};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use benches::failure::Failure;

/// What is served by, and for how long a message is worked on.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) is_tokio: bool,
    pub(crate) steps: u32,
}

/// Runs until stdin ends.
pub(crate) fn run(server: Server) -> Result<(), Failure> {
    let failed =
        |error: io::Error| Failure::call("serving", &error, "see whether there are descriptors");
    match server.is_tokio {
        true => by_tokio(server.steps).map_err(failed),
        false => by_edgewake(server.steps).map_err(failed),
    }
}

fn by_edgewake(steps: u32) -> io::Result<()> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .build()?;
    let handle = runtime.handle().clone();
    std::thread::spawn(move || obey(|| tell(&handle.metrics())));
    runtime.block_on(async {
        let listener = net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        let mut incoming = listener.incoming();
        loop {
            let (stream, _) = incoming.accept().await?;
            runtime::spawn(async move {
                let mut buffer = [0; CHUNK];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    work(steps);
                    if let Some(time) = asked_to_stick() {
                        runtime::spawn(async move { std::thread::sleep(time) });
                    }
                    if stream.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    })
}

fn by_tokio(steps: u32) -> io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    std::thread::spawn(|| obey(|| println!("metrics")));
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let mut buffer = [0; CHUNK];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    work(steps);
                    if let Some(time) = asked_to_stick() {
                        tokio::spawn(async move { std::thread::sleep(time) });
                    }
                    if stream.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    })
}

/// An empty line asks for the counts; `TIMES FOR EVERY` makes a worker stick so many times for so
/// many milliseconds, every so many.
fn obey(tell: impl Fn()) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let numbers: Vec<u64> = line
            .split_whitespace()
            .filter_map(|it| it.parse().ok())
            .collect();
        match numbers[..] {
            [times, long, every] => {
                std::thread::spawn(move || stick(times, long, every));
            }
            _ => tell(),
        }
    }
    std::process::exit(0);
}

fn stick(times: u64, long: u64, every: u64) {
    for _ in 0..times {
        STICK.store(long, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(every));
    }
}

fn asked_to_stick() -> Option<Duration> {
    if STICK.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let time = STICK.swap(0, Ordering::Relaxed);
    (time > 0).then(|| Duration::from_millis(time))
}

fn tell(metrics: &runtime::Metrics) {
    println!(
        "metrics wakes={} steals={} parks={} harvests={} rescues={}",
        metrics.cross_core_wakes, metrics.steals, metrics.parks, metrics.harvests, metrics.rescues
    );
}

/// By counting and not by the clock: who loses the processor still has to do it all.
fn work(steps: u32) {
    let mut word = std::hint::black_box(1_u64);
    for _ in 0..steps {
        word = word.wrapping_mul(0x5851_F42D_4C95_7F2D).rotate_left(17) ^ word >> 7;
    }
    std::hint::black_box(word);
}

/// For how many milliseconds the next worker to serve a message is to stick.
static STICK: AtomicU64 = AtomicU64::new(0);
const WORKERS: usize = 2;
const CHUNK: usize = 4096;
