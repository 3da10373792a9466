//! The page in English.

use common::refusal::Refusal;

use super::Texts;
use crate::{
    state::{
        notify_level::NotifyLevel,
        settings::{Choice, Setting},
        shortcuts::Shortcut,
    },
    time_format::number,
};

pub(super) static TEXTS: Texts = Texts {
    tag: "en",
    own_name: "English",
    app_name: "Madang",
    language: "Language",
    settings: "Settings",
    setting,
    choice,

    welcome: "Come and talk",
    welcome_text: "Give a room a name and it is open. Whoever has the link can come in.",
    room_name: "Room name",
    room_name_placeholder: "Our class, lunch, …",
    open_room: "Go in",
    new_room: "Its topic and seats",
    topic: "Topic",
    same_room_names: "Names that differ only in capitals, spaces or width lead to the same room.",
    topic_placeholder: "What is it about?",
    seats_label: "Seats",
    seats_placeholder: "No limit",
    shared_network: "Many come over one network",
    shared_network_hint: "A class or an office, say. Otherwise newcomers of one network get half of the seats, so that nobody fills the room alone.",
    open_rooms: "Open rooms",
    rooms_loading: "Looking for rooms…",
    rooms_unreachable: "The rooms can't be loaded right now. Trying again in a moment.",
    no_other_rooms: "No other room is open.",
    no_rooms: "No room is open yet",
    no_rooms_text: "Open the first one and share its link.",
    people_count: |count| {
        if count == 1 { "1 person".to_owned() } else { format!("{} people", number(count as usize, "en")) }
    },
    empty_room_summary: "Nobody is here now",
    no_messages: "Nothing said yet",
    just_now: "just now",
    seats_taken: |taken, seats| {
        format!("{} of {} seats taken", number(taken as usize, "en"), number(seats.into(), "en"))
    },

    name: "Name",
    your_name: "Your name",
    choose_name: "What should we call you?",
    choose_name_text: "This is the name people in the room see. You can change it at any time.",
    enter_room: "Go in",
    change_name: "Change name",
    save: "Save",
    cancel: "Cancel",

    back_to_rooms: "Back to rooms",
    share: "Share",
    room_link: "Link",
    copy_link: "Copy link",
    link_copied: "Link copied",
    qr_code: "The link as a QR code",
    share_natively: "Share…",
    switch_room: "Go to a room",
    create_room: |room| format!("Open “{room}”"),
    shortcuts: "Keyboard shortcuts",
    shortcut,
    notifications: "Notifications in this room",
    enable_notifications: "Turn notifications on",
    notifications_denied: "Your browser shows no notifications of this page. Allow them in its settings for this site.",
    notify_level,
    my_rooms: "Your rooms",
    draft: "Draft",
    someone_typing: "Somebody is typing…",
    people_typing: |names| match names {
        [one] => format!("{one} is typing…"),
        [one, two] => format!("{one} and {two} are typing…"),
        _ => "Several people are typing…".to_owned(),
    },
    away: "away",
    mark: "mark",
    mark_hint: "Somebody else has this name or one like it. The mark is always the same.",
    role_owner: "owner",
    role_guest: "guest",
    role_program: "program",
    room_details: "About this room",
    leave_room: "Leave room",
    confirm_leave_full_room: "Every seat is taken. When you leave, somebody else may take yours.",
    leave_anyway: "Leave all the same",
    notify_free_seat: "Tell me when a seat is free",
    client_outdated: "A new version is here. What you are writing stays.",
    reload: "Reload",
    unread_count: |count| format!("{count} unread"),
    mention_count: |count| {
        if count == 1 {
            "1 mention of you".to_owned()
        } else {
            format!("{} mentions of you", number(count as usize, "en"))
        }
    },
    people: "People here",
    kick: "Remove",
    confirm_kick: "Remove this person?",
    confirm_kick_text: "They can't come back for ten minutes.",
    you: "you",
    close: "Close",
    empty_room: "Say hello",
    empty_room_text: "Share the link and others can come in.",
    timeline_label: |room| format!("Conversation in {room}"),
    loading_older: "Loading earlier messages…",
    timeline_start: "This is where it began",
    new_messages: |count| {
        if count == 1 { "1 new message".to_owned() } else { format!("{} new messages", number(count, "en")) }
    },
    jump_to_end: "To the latest",
    jump_to_unread: "To what is new",
    unread_divider: "New",
    honorific: "",
    joined_and_left: |came, left| match (came, left) {
        (came, "") => format!("{came} joined"),
        ("", left) => format!("{left} left"),
        (came, left) => format!("{came} joined; {left} left"),
    },
    topic_changed: |who, topic| match topic {
        "" => format!("{who} took the topic away"),
        topic => format!("{who} changed the topic to “{topic}”"),
    },
    seat_limit_changed: |who, seats| format!("{who} changed the seats to {seats}"),
    shared_network_changed: |who, shared| match shared {
        true => format!("{who} let newcomers of one network take all seats"),
        false => format!("{who} let newcomers of one network take half of the seats"),
    },
    seat_limit_removed: |who| format!("{who} lifted the limit of seats"),

    message_label: "Message",
    message_placeholder: |room| format!("Message {room}"),
    send: "Send",
    characters_left: |left| {
        let (count, word) = (left.unsigned_abs(), if left < 0 { "too many" } else { "left" });
        let unit = if count == 1 { "character" } else { "characters" };
        format!("{} {unit} {word}", number(count, "en"))
    },
    replying_to: |name| format!("Reply to {name}"),
    editing: "Edit message",
    edited_message_deleted: "The message you were editing was deleted. Your text can be sent as a new one.",
    files_unsupported: "Files can't be sent here yet.",
    suggestions: "Suggestions",
    suggestion_count: |count| {
        if count == 1 { "1 suggestion".to_owned() } else { format!("{count} suggestions") }
    },
    sending: "Sending…",
    waiting: "Waiting",
    waiting_not_persisted: "Waiting. Keep this window open until it is sent.",
    send_failed: "Not sent.",
    unverified_sender: |from| format!("unconfirmed · UDP {from}"),
    send_again: "Send again",
    delete: "Delete",

    edited: "edited",
    deleted: "This message was deleted",
    unknown_quoted_message: "An earlier message",
    jump_to_quoted: "Go to that message",
    show_more: "Show more",
    show_less: "Show less",
    code: "Code",
    copy: "Copy",
    copy_text: "Copy text",
    copied: "Copied",
    copy_failed: "This browser does not let us copy",
    message_actions: "What to do with the message",
    react: "React",
    reply: "Reply",
    edit: "Edit",
    confirm_delete: "Delete this message?",
    confirm_delete_text: "It goes away for everybody, for good.",
    edit_failed: "Not changed.",
    retry_edit: "Try again",
    and_others: |names, more| match more {
        1 => format!("{names} and 1 other"),
        _ => format!("{names} and {} others", number(more, "en")),
    },
    insert_emoji: "Insert an emoji",
    find_emoji: "Find an emoji",
    no_emoji_found: "There is no such emoji",
    emoji_loading: "Fetching the emoji…",
    recent_emoji: "Recent",
    emoji_groups: [
        "Faces and feelings",
        "People",
        "Animals and nature",
        "Food",
        "Travel and places",
        "Activities",
        "Things",
        "Signs",
        "Flags",
    ],

    restarting: "The server is restarting. You will be back in a moment.",
    connecting: "Connecting…",
    offline: "You are offline. What you write is sent when the connection is back.",

    room_full: "Every seat is taken",
    room_full_text: |room| format!("There is no free seat in {room} right now."),
    waiting_for_seat: "You go in as soon as one is free.",
    seat_is_free: |room| format!("A seat is free in {room}"),
    check_now: "Check now",
    join_refused: "You can't go in",
    kicked: "You were removed from this room",
    room_deleted: "This room was deleted",
    make_room_again: "Make a new one of that name",
    not_found: "There is nothing here",
    not_found_text: "The link may be cut off or mistyped.",
    server_unreachable: "The server can't be reached. Try again in a moment.",

    refusal,
    too_long: |most| format!("That is too long: up to {} characters.", number(most, "en")),
};

fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BadRequest | Refusal::UnknownCommand => {
            "This page does not match its server. Reload it and try again."
        }
        Refusal::NameEmpty => "Write at least one letter.",
        Refusal::NameTooLong => "That is too long. Make it shorter and try again.",
        Refusal::NameUnreadable => "That holds invisible characters. Remove them and try again.",
        Refusal::RoomNameNotALink => "A room name can't hold a slash or be only dots.",
        Refusal::MessageEmpty => "Write at least one letter.",
        Refusal::MessageTooLong => "That message is too long: up to 4,000 characters can be sent.",
        Refusal::MessageUnreadable => "That message holds characters that can't be sent.",
        Refusal::CidInvalid | Refusal::CidTaken => {
            "This message got another one's number. Delete it and write it again."
        }
        Refusal::EmojiInvalid => "A reaction is one emoji.",
        Refusal::SeatsInvalid => "A room can have 1 to 1,000 seats.",
        Refusal::RoomFull => "Every seat in this room is taken.",
        Refusal::TooManyNewcomers => {
            "Newcomers from your network have half of the seats already. The owner can let in more in the room's settings."
        }
        Refusal::OwnersName => "That is the name of the room's owner, or looks like it. Choose another one.",
        Refusal::NotInRoom => "Go into the room first.",
        Refusal::Banned => "Its owner removed you. You can come back in ten minutes.",
        Refusal::NetworkBanned => {
            "Its owner removed somebody from your network. Newcomers from there can come in ten minutes later."
        }
        Refusal::RoomDeleted => "Everything that was said in it is gone, too.",
        Refusal::NoSuchRoom => "There is no such room.",
        Refusal::NoSuchMessage => "That message is gone.",
        Refusal::NotYours => "Only whoever it belongs to can do that.",
        Refusal::TooManyReactions => "That message has all the reactions it can have.",
        Refusal::NoMoreRooms => "This server has no place for another room.",
        Refusal::TooManyRooms => "You are in too many rooms at once. Leave one and try again.",
        Refusal::TooFast => "That was too fast. Wait a moment and try again.",
        Refusal::UnknownToken => "The server does not know this browser. Reload the page.",
        Refusal::ForeignOrigin => {
            "This address is not allowed here. The server needs to be started with --public-url."
        }
        Refusal::Unavailable => "The server is busy. Try again in a moment.",
        Refusal::NotStored => "The server's disk is full. Your message is kept here and tried again.",
        Refusal::Internal => "Something went wrong in the server. Try again in a moment.",
    }
}

fn setting(setting: Setting) -> &'static str {
    match setting {
        Setting::Theme => "Theme",
        Setting::TextSize => "Text size",
        Setting::Motion => "Motion",
        Setting::EnterKey => "Enter key",
        Setting::Sound => "Sound",
        Setting::Notifications => "Notifications",
    }
}

fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::System => "System",
        Choice::Light => "Light",
        Choice::Dark => "Dark",
        Choice::Medium => "Medium",
        Choice::Small => "Small",
        Choice::Large => "Large",
        Choice::Largest => "Largest",
        Choice::Reduced => "Reduced",
        Choice::Automatic => "Automatic",
        Choice::Send => "Sends",
        Choice::NewLine => "New line",
        Choice::Off => "Off",
        Choice::On => "On",
    }
}

fn shortcut(shortcut: Shortcut) -> &'static str {
    match shortcut {
        Shortcut::Send => "Send",
        Shortcut::NewLine => "New line",
        Shortcut::SendAlways => "Send, whatever Enter does",
        Shortcut::EditLast => "Edit your last message",
        Shortcut::Escape => "Close or cancel",
        Shortcut::Complete => "Complete a name or an emoji",
        Shortcut::Bold => "Bold",
        Shortcut::Italic => "Italic",
        Shortcut::Strike => "Strike through",
        Shortcut::Code => "Code",
        Shortcut::SelectMessage => "Choose a message and act on it",
        Shortcut::Reply => "Reply to the chosen message",
        Shortcut::FirstUnread => "The first unread message",
        Shortcut::SwitchRoom => "Go to a room",
        Shortcut::AdjacentRoom => "The room above or below",
        Shortcut::AdjacentUnreadRoom => "The next unread room",
        Shortcut::Help => "This list",
    }
}

fn notify_level(level: NotifyLevel) -> &'static str {
    match level {
        NotifyLevel::Everything => "Everything",
        NotifyLevel::Mentions => "When I am mentioned",
        NotifyLevel::Nothing => "Nothing",
    }
}
