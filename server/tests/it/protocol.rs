//! The full protocol: what each command answers, and what everybody else hears.

use common::{
    event::{Change, Hello, History, Join, Leave, Permission, Presence, Rename},
    message::Seq,
    person::DisplayName,
    refusal::Refusal,
    room::Seats,
};
use madang::chat::limits::{Limits, Rate};
use serde_json::json;

use crate::support::{Client, TestServer, body, room, say};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_hear_each_other_and_themselves_in_one_order() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client_named("지은").await, server.client_named("민수").await);
    a.join("마당").await.unwrap();
    let joined = b.join("마당").await.unwrap();
    assert_eq!(joined.people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["민수", "지은"]);
    let sent = a.say("마당", "안녕하세요").await;
    assert_eq!(sent.seq, Seq(1));
    b.say("마당", "반가워요").await;
    for client in [&mut a, &mut b] {
        let (first, second) = (client.next_event().await, client.next_event().await);
        assert_eq!((first.event.seq, second.event.seq), (Seq(1), Seq(2)));
        assert_eq!(first.event.person.name.as_str(), "지은");
        assert_eq!(second.event.what.body(), Some(&body("반가워요")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_later_sees_the_last_messages_and_can_read_on() {
    let server = TestServer::start().await;
    let mut a = server.client().await;
    a.join("r").await.unwrap();
    for number in 1..=120 {
        a.say("r", &format!("message {number}")).await;
    }
    let mut b = server.client().await;
    let joined = b.join("r").await.unwrap();
    let seqs = |events: &[common::event::Event]| events.iter().map(|event| event.seq.0).collect::<Vec<_>>();
    assert_eq!(seqs(&joined.events), (71..=120).collect::<Vec<_>>());
    assert!(joined.more && joined.last == Seq(120));

    let history = |before, after, around, limit| History { room: room("r"), before, after, around, limit };
    let page = b.ask(history(Some(Seq(71)), None, None, Some(100))).await.unwrap();
    assert_eq!(seqs(&page.events), (1..=70).collect::<Vec<_>>());
    assert!(!page.more_before && page.more_after);
    let page = b.ask(history(None, Some(Seq(110)), None, Some(5))).await.unwrap();
    assert_eq!((seqs(&page.events), page.more_after), ((111..=115).collect(), true));
    let page = b.ask(history(None, None, Some(Seq(60)), Some(10))).await.unwrap();
    assert_eq!(seqs(&page.events), (55..=64).collect::<Vec<_>>());
    assert!(page.more_before && page.more_after);
    assert_eq!(b.ask(history(None, None, None, None)).await, Err(Refusal::BadRequest));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_gets_what_was_missed_page_by_page() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    a.join("r").await.unwrap();
    b.join("r").await.unwrap();
    b.close().await;
    for number in 1..=60 {
        a.say("r", &format!("message {number}")).await;
    }
    let mut b = server.client().await;
    let joined = b.ask(Join { since: Some(Seq(3)), ..Join::new(room("r")) }).await.unwrap();
    assert_eq!(joined.events.first().unwrap().seq, Seq(4));
    assert_eq!((joined.events.len(), joined.more, joined.last), (50, true, Seq(60)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_is_repeated_is_one_message() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    a.join("r").await.unwrap();
    b.join("r").await.unwrap();
    let first = a.ask(say("r", "once")).await.unwrap();
    assert_eq!(a.ask(say("r", "once")).await.unwrap(), first, "the first answer again");
    assert_eq!(b.ask(say("r", "once")).await, Err(Refusal::CidTaken), "somebody else's cid");
    a.say("r", "after").await;
    let heard = (b.next_event().await.event.seq, b.next_event().await.event.seq);
    assert_eq!(heard, (Seq(1), Seq(2)), "nothing was told twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_told_once_as_a_whole_and_then_in_differences() {
    let server = TestServer::start().await;
    let mut a = server.client_named("가").await;
    a.join("r").await.unwrap();
    let mut b = server.client_named("나").await;
    let joined = b.join("r").await.unwrap();
    assert_eq!(joined.people.len(), 2);
    let me = joined.people.iter().find(|person| person.name.as_str() == "나").unwrap().clone();

    while a.next_change().await != Change::Here(me.clone()) {}
    let renamed = b.ask(Rename { name: DisplayName::parse("다").unwrap() }).await.unwrap();
    assert_eq!(renamed.you.id, me.id);
    assert_eq!(a.next_change().await, Change::Renamed(renamed.you));
    b.ask(Leave { room: room("r") }).await.unwrap();
    assert_eq!(a.next_change().await, Change::Gone(me.id));
    assert_eq!(b.ask(say("r", "from outside")).await, Err(Refusal::NotInRoom));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_comes_at_once_is_told_in_few_words() {
    const CROWD: usize = 300;
    let server = TestServer::start().await;
    let mut first = server.client().await;
    first.join("r").await.unwrap();
    let mut coming = Vec::new();
    for _ in 0..CROWD {
        let mut client = server.client().await;
        coming.push(tokio::spawn(async move {
            client.join("r").await.unwrap();
            client
        }));
    }
    let mut crowd = Vec::new();
    for client in coming {
        crowd.push(client.await.unwrap());
    }
    let (mut here, mut notices) = (0, 0);
    while here < CROWD {
        let told: Presence = serde_json::from_value(first.next("presence").await).unwrap();
        notices += 1;
        here += told.changes.iter().filter(|change| matches!(change, Change::Here(_))).count();
    }
    assert!(notices < CROWD / 3, "{notices} notices for {CROWD} people");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_messages_keep_the_name_of_their_time() {
    let server = TestServer::start().await;
    let mut a = server.client_named("옛이름").await;
    a.join("r").await.unwrap();
    a.say("r", "first").await;
    a.ask(Rename { name: DisplayName::parse("새이름").unwrap() }).await.unwrap();
    a.say("r", "second").await;
    let names: Vec<String> =
        a.join("r").await.unwrap().events.iter().map(|event| event.person.name.to_string()).collect();
    assert_eq!(names, ["옛이름", "새이름"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_brings_the_same_person_back() {
    let server = TestServer::start().await;
    let mut a = server.client_named("지은").await;
    let welcome = a.ask(Hello {}).await.unwrap();
    let token = welcome.token.expect("a new identity gets a token");
    a.ask(Rename { name: DisplayName::parse("지은이").unwrap() }).await.unwrap();
    a.close().await;

    let mut again = Client::connect(server.address, json!({ "token": token })).await.unwrap();
    let welcome = again.ask(Hello {}).await.unwrap();
    assert_eq!(welcome.you.name.as_str(), "지은이");
    assert_eq!(welcome.token, None, "who has a token needs no other");
    let stranger = Client::connect(server.address, json!({ "token": "0000" })).await;
    assert_eq!(stranger.err(), Some(Refusal::UnknownToken));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_no_name_is_a_guest_with_four_digits() {
    let server = TestServer::start().await;
    let you = server.client().await.ask(Hello {}).await.unwrap().you;
    let digits = you.name.as_str().strip_prefix("guest-").unwrap();
    assert!(digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{}", you.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_fool_the_eye_are_refused_with_their_reason() {
    let server = TestServer::start().await;
    let connect = |name: &str| Client::connect(server.address, json!({ "name": name }));
    assert_eq!(connect("ad\u{202E}nim").await.err(), Some(Refusal::NameUnreadable));
    assert_eq!(connect(&"x".repeat(33)).await.err(), Some(Refusal::NameTooLong));
    let mut client = server.client().await;
    let answer = client.ask_raw("join", &json!({ "room": "a/b" })).await;
    assert_eq!(answer["error"]["code"], "room_name_not_a_link");
    let answer = client.ask_raw("dance", &json!({})).await;
    assert_eq!(answer["error"]["code"], "unknown_command");
    let answer = client.ask_raw("join", &json!("lobby")).await;
    assert_eq!(answer["error"]["code"], "bad_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_also_to_who_asked_for_no_answer() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    client.write(r#"42["leave",{"room":"r"}]"#).await;
    assert_eq!(client.next("refused").await["error"]["code"], "not_in_room");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_one_in_a_room_owns_it_and_decides_on_its_seats() {
    let server = TestServer::start().await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    let three = Some(Seats::parse(3).unwrap());
    let joined = a.ask(Join { seats: three, ..Join::new(room("r")) }).await.unwrap();
    assert_eq!(joined.may, [Permission::Read, Permission::Post, Permission::Own]);
    let joined = b.ask(Join { seats: Seats::parse(9).ok(), ..Join::new(room("r")) }).await.unwrap();
    assert_eq!((joined.seats, joined.may), (three, vec![Permission::Read, Permission::Post]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_takes_the_seat_back_after_a_reload() {
    let server = TestServer::start().await;
    let mut a = server.client().await;
    let token = a.ask(Hello {}).await.unwrap().token.unwrap();
    let two = |name: &str| Join { seats: Some(Seats::TWO), ..Join::new(room(name)) };
    a.ask(two("r")).await.unwrap();
    let mut b = server.client().await;
    b.join("r").await.unwrap();
    a.close().await;

    let mut c = server.client().await;
    assert_eq!(c.join("r").await, Err(Refusal::RoomFull), "the seat waits for its person");
    let mut a = Client::connect(server.address, json!({ "token": token })).await.unwrap();
    a.join("r").await.unwrap();
    a.ask(Leave { room: room("r") }).await.unwrap();
    c.join("r").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_fast_is_told_so_and_others_are_not_slowed() {
    let slow = Rate { per_second: 0.001, burst: 3.0 };
    let limits = |limits: &mut Limits| limits.messages = slow;
    let server = TestServer::start_with(|config| limits(&mut config.limits)).await;
    let (mut a, mut b) = (server.client().await, server.client().await);
    a.join("r").await.unwrap();
    b.join("r").await.unwrap();
    for number in 1..=3 {
        a.say("r", &format!("message {number}")).await;
    }
    assert_eq!(a.ask(say("r", "one too many")).await, Err(Refusal::TooFast));
    b.say("r", "unharmed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart() {
    let server = TestServer::start().await;
    let mut a = server.client_named("지은").await;
    let token = a.ask(Hello {}).await.unwrap().token.unwrap();
    a.ask(Join { seats: Some(Seats::TWO), ..Join::new(room("둘이")) }).await.unwrap();
    a.say("둘이", "잊지 마").await;
    let server = server.restart().await;
    let mut a = Client::connect(server.address, json!({ "token": token })).await.unwrap();
    let joined = a.join("둘이").await.unwrap();
    assert_eq!((joined.seats, joined.events.len()), (Some(Seats::TWO), 1));
    assert!(joined.may.contains(&Permission::Own));
    assert_eq!(a.say("둘이", "다음").await.seq, Seq(2));
}
