//! Asks who a token belongs to. Reads of the answer what is needed and no more:
//! a server of the Bot API that is older or newer than the client has other
//! fields.

use crate::bot::Bots;
use crate::fault::Fault;
use crate::limits::ME_BYTES;
use crate::state::Bot;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// What every method answers.
#[derive(Deserialize)]
struct Answer {
    ok: bool,
    result: Option<Me>,
    description: Option<String>,
    error_code: Option<u16>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

#[derive(Deserialize)]
struct Me {
    id: u64,
    first_name: String,
    last_name: Option<String>,
    username: Option<String>,
}

/// Who the token belongs to.
pub(crate) async fn me(bots: &Bots) -> Result<Bot, Fault> {
    let bot = &bots.send;
    let mut url = bot.api_url();
    match url.path_segments_mut() {
        Ok(mut segments) => {
            segments.push(&format!("bot{}", bot.token())).push("getMe");
        }
        // No address of HTTP is like that, and no other is taken.
        Err(()) => return Err(Fault::Foreign),
    }
    let sent = bot.client().post(url).json(&json!({})).send().await;
    let response = sent.map_err(|error| Fault::of_network(&error))?;
    let status = response.status();
    read(status, &bounded(response).await?)
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| Fault::of_network(&error))? else {
            return Ok(body);
        };
        if body.len() + chunk.len() > ME_BYTES {
            return Err(Fault::Foreign);
        }
        body.extend_from_slice(&chunk);
    }
}

fn read(status: StatusCode, body: &[u8]) -> Result<Bot, Fault> {
    let answer: Answer = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        // A proxy on the way answers with a page.
        Err(_) if status.is_server_error() => return Err(Fault::Trouble(status.to_string())),
        Err(_) => return Err(Fault::Foreign),
    };
    if answer.ok {
        let me = answer.result.ok_or(Fault::Foreign)?;
        return Ok(Bot {
            id: me.id,
            name: match me.last_name {
                Some(last) => format!("{} {last}", me.first_name),
                None => me.first_name,
            },
            username: me.username.unwrap_or_default(),
        });
    }
    let pause = answer.parameters.and_then(|given| given.retry_after);
    Err(match (answer.error_code, pause) {
        (_, Some(seconds)) => Fault::Pause(Duration::from_secs(seconds)),
        // The service says 404 of what has not the form of its tokens.
        (Some(401 | 404), None) => Fault::Token,
        _ => Fault::said(&answer.description.unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_vault::Secret;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[test]
    fn only_what_is_needed_is_read() {
        let bot = |body: &str| read(StatusCode::OK, body.as_bytes());
        let old = r#"{"ok":true,"result":{"id":7,"is_bot":true,"first_name":"Shop","username":"shop_bot"}}"#;
        let shop = Bot {
            id: 7,
            username: "shop_bot".into(),
            name: "Shop".into(),
        };
        assert_eq!(bot(old), Ok(shop.clone()));
        let new = old.replace("\"id\"", "\"new\":{\"a\":[1]},\"last_name\":\"Bot\",\"id\"");
        let named = Bot {
            name: "Shop Bot".into(),
            ..shop
        };
        assert_eq!(bot(&new), Ok(named));
    }

    #[test]
    fn what_is_no_success_is_told_by_its_kind() {
        let of = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).expect("a status");
            read(status, body.as_bytes()).expect_err("no success")
        };
        let says = |code: u16, text: &str| {
            let body = json!({ "ok": false, "error_code": code, "description": text });
            of(code, &body.to_string())
        };
        assert_eq!(says(401, "Unauthorized"), Fault::Token);
        assert_eq!(says(404, "Not Found"), Fault::Token);
        let conflict = "Conflict: terminated by other getUpdates request";
        assert_eq!(says(409, conflict), Fault::Conflict);
        let busy = r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":5}}"#;
        assert_eq!(of(429, busy), Fault::Pause(Duration::from_secs(5)));
        assert_eq!(
            of(502, "<html>"),
            Fault::Trouble("502 Bad Gateway".to_owned())
        );
        for foreign in ["<html>", "{}", r#"{"ok":true}"#, r#"{"error":"not found"}"#] {
            assert_eq!(of(200, foreign), Fault::Foreign, "{foreign}");
        }
    }

    fn bots(port: u16) -> Bots {
        let token = Secret::new("1:AAsecret".into());
        Bots::new(&token, &format!("http://127.0.0.1:{port}/api")).expect("an address")
    }

    #[tokio::test]
    async fn where_nobody_listens_is_said_so_without_the_token() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let fault = me(&bots(port)).await.expect_err("nobody is there");
        let words = format!("127.0.0.1:{port} refuses the connection");
        assert_eq!(fault.to_string(), words);
    }

    #[tokio::test]
    async fn a_bot_is_asked_for_below_the_address_and_a_page_is_no_bot_api() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let serve = async {
            let (mut connection, _) = listener.accept().await.expect("a connection");
            let mut asked = Vec::new();
            while !asked.ends_with(b"{}") {
                let read = connection.read_buf(&mut asked).await;
                assert_ne!(read.expect("it reads"), 0, "{asked:?}");
            }
            let page = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
            connection
                .write_all(page.as_bytes())
                .await
                .expect("it writes");
            String::from_utf8_lossy(&asked).into_owned()
        };
        let bots = bots(port);
        let (asked, answer) = tokio::join!(serve, me(&bots));
        assert!(
            asked.starts_with("POST /api/bot1:AAsecret/getMe "),
            "{asked}"
        );
        assert_eq!(answer, Err(Fault::Foreign));
    }
}
