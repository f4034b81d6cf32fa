//! A streamed answer as a program in a sandbox gets it: through its loopback
//! endpoint, the wire and the gateway, with the call reserved and settled on
//! disk. The peer is the same program on the host, which asks the same upstream
//! directly.

use super::{Setting, launch};
use crate::gateway;
use crate::measure::{Plan, Samples, paired};
use crate::program;
use crate::report::{Bar, Figure, Row, Unit};
use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use sortie_gateway::Gateway;
use sortie_sandbox::{
    BoxedIo, EngineOptions, Sandbox, StepSpec, WireGateway, WireKey, Workspace, place,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Tokens of an answer, one event each.
const TOKENS: u32 = 400;

/// How long the upstream takes for one: faster than any model that is served.
const TOKEN_TIME: Duration = Duration::from_millis(1);

/// Calls of one launch of the program.
const CALLS: u32 = 5;

const PLAN: Plan = Plan {
    warm_up: 1,
    turns: 20,
    at_most: Duration::from_secs(240),
};

const LIMIT: Duration = Duration::from_secs(600);

/// Asks for a stream so often, and says of each how many microseconds it took to
/// the first event and to the last, and how many tokens there were.
const CLIENT: &str = r#"
use strict; use IO::Socket::INET; use Time::HiRes qw(time);
my ($host, $port, $calls) = @ARGV;
my $body = '{"model":"m-1","max_tokens":500,"stream":true,"messages":[{"role":"user","content":"go"}]}';
for (1..$calls) {
    my $io = IO::Socket::INET->new(PeerHost => $host, PeerPort => $port, Proto => 'tcp') or die "connect: $!";
    my $request = "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n"
        . "connection: close\r\ncontent-length: " . length($body) . "\r\n\r\n$body";
    my ($begun, $first, $heard) = (time, undef, '');
    syswrite($io, $request);
    while (sysread($io, my $part, 65536)) {
        $heard .= $part;
        $first = time - $begun if !defined $first && index($heard, 'data:') >= 0;
    }
    my $all = time - $begun;
    my $tokens = () = $heard =~ /"content":"tok/g;
    printf "%d %d %d\n", $first * 1e6, $all * 1e6, $tokens;
}
"#;

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let place = setting.directory("wire")?;
    let upstream = upstream().await?;
    let base_url = format!("http://{upstream}/v1");
    let gateway = gateway::open(&base_url, &place.path().join("data")).await?;
    let (bundle, base) = launch::repository(place.path()).await?;
    let instance = format!("bench-{}", std::process::id());
    let options = EngineOptions::new(&setting.image, instance, WireKey::ephemeral()?);
    let sandbox = Sandbox::connect(options).await?;
    let doors = Arc::new(Doors(gateway));
    let workspace = sandbox.launch(launch::spec(1, LIMIT), doors).await?;
    let measured = async {
        workspace.put(&bundle, &base).await?;
        both(setting, &workspace, upstream).await
    };
    let measured = measured.await;
    workspace.destroy().await?;
    measured
}

async fn both(setting: &Setting, workspace: &Workspace, upstream: SocketAddr) -> Result<Vec<Row>> {
    let plan = PLAN.shortened(setting.quick);
    let (mut our_rates, mut peer_rates) = (Vec::new(), Vec::new());
    let mut turn = 0;
    let first = paired(
        plan,
        async || {
            turn += 1;
            split(&inside(workspace, turn).await?, &mut our_rates)
        },
        async || split(&outside(upstream).await?, &mut peer_rates),
    )
    .await?;
    let (ours, peer) = (Samples::new(our_rates)?, Samples::new(peer_rates)?);
    let added = first.ours.median() - first.peer.median();
    let figure = Figure {
        p50: added / 1_000.0,
        p99: None,
        n: first.ours.count(),
    };
    let what = "the host, straight to the upstream";
    Ok(vec![
        Row::paired("wire", "first streamed byte", Unit::Micros, &first, what),
        Row::alone("wire", "added to it", Unit::Millis, figure).under(Bar::at_most(
            added / 1_000.0,
            3.0,
            Unit::Millis,
        )),
        Row::alone("wire", "tokens in a second", Unit::PerSecond, &ours)
            .against(what, &peer)
            .under(Bar::ratio_at_least(ours.median() / peer.median(), 0.9)),
    ])
}

/// The first bytes in microseconds, and the rates to `rates`.
fn split(printed: &str, rates: &mut Vec<f64>) -> Result<Vec<f64>> {
    let mut firsts = Vec::new();
    for line in printed.lines() {
        let numbers: Vec<f64> = line
            .split(' ')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .context("read what the client measured")?;
        let [first, all, tokens] = numbers[..] else {
            anyhow::bail!("read what the client measured: {line}");
        };
        // Where a chunk's end falls into a token it is not counted.
        ensure!(
            tokens >= f64::from(TOKENS) * 0.9,
            "have a whole answer: {line}"
        );
        firsts.push(first);
        rates.push(f64::from(TOKENS) / (all / 1e6));
    }
    ensure!(firsts.len() == CALLS as usize, "have every call answered");
    Ok(firsts)
}

fn client(host: &str, port: u16) -> Vec<String> {
    let port = port.to_string();
    let calls = CALLS.to_string();
    ["perl", "-e", CLIENT, host, &port, &calls]
        .map(str::to_owned)
        .to_vec()
}

async fn outside(upstream: SocketAddr) -> Result<String> {
    program::succeed(&client("127.0.0.1", upstream.port()), LIMIT).await
}

async fn inside(workspace: &Workspace, turn: u32) -> Result<String> {
    let (host, port) = place::LLM.split_once(':').context("know the endpoint")?;
    let spec = StepSpec {
        id: format!("client-{turn}"),
        argv: client(host, port.parse()?),
        env: Vec::new(),
        cwd: place::REPO.into(),
        files: Vec::new(),
        stdin: None,
        wall_limit_ms: 60_000,
        output_limit_bytes: 1 << 20,
    };
    let mut step = workspace.start(spec).await?;
    let mut printed = Vec::new();
    while let Some(output) = step.next_output().await? {
        printed.extend_from_slice(&output.bytes);
    }
    let exit = step.wait().await?;
    let printed = String::from_utf8(printed)?;
    ensure!(
        exit.status == sortie_sandbox::ExitStatus::Code(0),
        "run the client in the sandbox: {printed}"
    );
    Ok(printed)
}

struct Doors(Gateway);

#[async_trait]
impl WireGateway for Doors {
    async fn llm(&self, io: BoxedIo) {
        self.0.serve(io).await;
    }

    async fn egress(&self, _io: BoxedIo) {}
}

/// A model that begins at once and is never late.
async fn upstream() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            // A client that goes away is its own end.
            tokio::spawn(async move { answer(io).await.ok() });
        }
    });
    Ok(address)
}

/// Whether a request came to its end, which its head says.
fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| body.len() >= length)
}

async fn answer(mut io: TcpStream) -> Result<()> {
    io.set_nodelay(true)?;
    let mut heard = Vec::new();
    while !is_whole(&String::from_utf8_lossy(&heard)) {
        ensure!(io.read_buf(&mut heard).await? > 0, "hear a request");
    }
    io.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
    )
    .await?;
    let event = |choices: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[{choices}]"
        )
    };
    let token = event("{\"index\":0,\"delta\":{\"content\":\"tok \"}}") + "}\n\n";
    let mut clock = tokio::time::interval(TOKEN_TIME);
    for _ in 0..TOKENS {
        clock.tick().await;
        io.write_all(token.as_bytes()).await?;
    }
    let usage = format!(
        "{},\"usage\":{{\"prompt_tokens\":10,\"completion_tokens\":{TOKENS},\"total_tokens\":{}}}}}\n\ndata: [DONE]\n\n",
        event(""),
        TOKENS + 10
    );
    io.write_all(usage.as_bytes()).await?;
    io.shutdown().await?;
    Ok(())
}
