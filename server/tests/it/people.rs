//! Who is who: marks for people whose names are equal or look alike, roles, and the names of owners.

use common::{
    line::Line,
    message::Seq,
    person::{DisplayName, Mark, Person, Roles},
    protocol::{
        command::{Hello, History, Leave, Rename},
        push::PresenceChange,
    },
    refusal::Refusal,
};
use serde_json::{Value, json};

use crate::{
    harness::{Client, TestServer, http_request, room},
    line_client::{LineClient, all_transports},
};

async fn registered(server: &TestServer, name: &str) -> (Client, Person) {
    let mut client = server.client_named(name).await;
    let you = client.request(Hello {}).await.unwrap().you;
    (client, you)
}

/// Waits until this person is announced as they are shown now.
async fn next_shown(client: &mut Client, of: &Person) -> Person {
    loop {
        if let PresenceChange::Renamed(person) = client.next_presence_change().await
            && person.id == of.id
        {
            return person;
        }
    }
}

async fn post(server: &TestServer, query: &str, headers: &str) -> String {
    let head = format!("POST /api/rooms/r/messages{query} HTTP/1.1\r\nHost: {}{headers}", server.address);
    http_request(server.address, &head, "green").await
}

async fn get_messages(server: &TestServer) -> Vec<Value> {
    let head = format!("GET /api/rooms/r/messages?since=0 HTTP/1.1\r\nHost: {}", server.address);
    let answer = http_request(server.address, &head, "").await;
    let page: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    page["events"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_whose_names_look_alike_bear_a_mark_while_both_are_here() {
    let server = TestServer::start_with(all_transports).await;
    let (mut first, me) = registered(&server, "Jun").await;
    let (mut second, you) = registered(&server, "JUN").await;
    first.join("r").await.unwrap();
    first.send_message("r", "alone").await;
    assert_eq!(first.next_event().await.event.person.mark, None);
    let people = second.join("r").await.unwrap().people;
    assert_eq!(people.len(), 2);
    for person in &people {
        assert_eq!(person.mark, Some(Mark::from(person.id)), "{people:?}");
    }
    assert_eq!(next_shown(&mut first, &me).await.mark, Some(Mark::from(me.id)));
    second.send_message("r", "hello").await;
    assert_eq!(first.next_event().await.event.person.mark, Some(Mark::from(you.id)));

    // The same at the line door: in the list, in messages and in sentences.
    let mut line_client = LineClient::connect_to(&server, "r").await;
    line_client.write("/who\n").await;
    let note = line_client.wait_for_note("In r here are you").await;
    assert!(note.contains(&format!("Jun {} (owner)", Mark::from(me.id))), "{note}");
    assert!(note.contains(&format!("JUN {}", Mark::from(you.id))), "{note}");
    first.send_message("r", "which one?").await;
    let line = line_client.next_raw().await.unwrap();
    assert_eq!(line, format!("Jun {} (owner): which one?", Mark::from(me.id)));

    second.request(Leave { room: room("r") }).await.unwrap();
    line_client.wait_for_note(&format!("JUN {} left", Mark::from(you.id))).await;
    assert_eq!(next_shown(&mut first, &me).await.mark, None);
    // Who has left is marked in the history, and so is who is here.
    let history = History { room: room("r"), before: None, after: Some(Seq(0)), around: None, limit: None };
    let events = first.request(history).await.unwrap().events;
    assert!(events.iter().all(|event| event.person.mark == Some(Mark::from(event.person.id))));
    second.request(Rename { name: DisplayName::parse("민수").unwrap() }).await.unwrap();
    assert_eq!(
        second.join("r").await.unwrap().people.iter().filter(|person| person.mark.is_some()).count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_guests_and_programs_are_marked_at_every_door() {
    let server = TestServer::start_with(all_transports).await;
    let (mut owner, me) = registered(&server, "지은").await;
    let token = owner.request(Hello {}).await.unwrap().token;
    assert_eq!(token, None, "it is told once");
    owner.join("r").await.unwrap();
    let mut guest = server.client_named("민수").await;
    let people = guest.join("r").await.unwrap().people;
    let roles_of = |name: &str| people.iter().find(|person| person.name.as_str() == name).unwrap().roles;
    assert_eq!(roles_of("지은"), Roles { owner: true, ..Roles::default() });
    assert_eq!(roles_of("민수"), Roles { guest: true, ..Roles::default() });
    let mut line_client = LineClient::connect_to(&server, "r").await;
    owner.send_message("r", "어서 와요").await;
    guest.send_message("r", "네").await;
    assert!(post(&server, "?name=build%20bot", "").await.starts_with("HTTP/1.1 201 "));
    for line in ["지은 (owner): 어서 와요", "민수 (guest): 네", "build bot (guest, program): green"]
    {
        assert_eq!(line_client.next_raw().await.unwrap(), line);
    }
    // Pushed and read later alike, also over HTTP.
    let expected = [json!(["owner"]), json!(["guest"]), json!(["guest", "program"])];
    for roles in &expected {
        let person = serde_json::to_value(owner.next_event().await.event.person).unwrap();
        assert_eq!(person["roles"], *roles);
    }
    let read: Vec<Value> =
        get_messages(&server).await.iter().map(|event| event["person"]["roles"].clone()).collect();
    assert_eq!(read, expected);
    // A guest who gets a token is none any more.
    let you = guest.request(Hello {}).await.unwrap().you;
    assert!(next_shown(&mut owner, &you).await.roles.is_empty());
    assert_eq!(me.roles, Roles::default(), "a person is owner only in a room");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_guest_has_the_name_of_the_rooms_owner() {
    let server = TestServer::start_with(all_transports).await;
    let (mut owner, _) = registered(&server, "Jun").await;
    owner.join("r").await.unwrap();
    let mut guest = server.client_named("ＪＵＮ").await;
    assert_eq!(guest.join("r").await.unwrap_err(), Refusal::OwnersName);
    guest.join("elsewhere").await.unwrap();
    assert!(post(&server, "?name=jun", "").await.contains("\"owners_name\""));
    assert!(post(&server, "?name=june", "").await.starts_with("HTTP/1.1 201 "));
    let mut line_client = LineClient::connect_to(&server, "r").await;
    line_client.write("/name JUN\n").await;
    loop {
        if let Line::Refused(refusal) = line_client.next().await {
            assert_eq!(refusal, Refusal::OwnersName);
            break;
        }
    }
    // A registered person may have it, and so may the owner on another device.
    let (mut namesake, _) = registered(&server, "Jun").await;
    assert_eq!(namesake.join("r").await.unwrap().people.len(), 3);
    assert_eq!(owner.join("r").await.unwrap().people.len(), 3);
}
