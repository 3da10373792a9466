//! The page in Korean.

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
    tag: "ko",
    own_name: "한국어",
    app_name: "마당",
    language: "언어",
    settings: "설정",
    setting,
    choice,

    welcome: "모여서 이야기해요",
    welcome_text: "방 이름만 정하면 바로 열려요. 링크를 받은 사람은 누구나 들어올 수 있어요.",
    room_name: "방 이름",
    room_name_placeholder: "예: 우리 반, 점심 모임",
    open_room: "들어가기",
    new_room: "주제와 자리 정하기",
    topic: "주제",
    same_room_names: "대소문자나 빈칸 수, 글자 폭만 다른 이름은 같은 방으로 이어져요.",
    topic_placeholder: "무슨 방인가요?",
    seats_label: "자리 수",
    seats_placeholder: "제한 없음",
    shared_network: "여럿이 같은 네트워크로 들어와요",
    shared_network_hint: "교실이나 사무실이라면 켜 주세요. 꺼 두면 같은 네트워크에서 새로 온 사람은 자리의 절반까지만 앉을 수 있어서, 한 사람이 방을 다 채우지 못해요.",
    open_rooms: "열려 있는 방",
    rooms_loading: "방을 찾고 있어요…",
    rooms_unreachable: "지금은 방 목록을 불러올 수 없어요. 곧 다시 해 볼게요.",
    no_other_rooms: "다른 열린 방은 없어요.",
    no_rooms: "아직 열린 방이 없어요",
    no_rooms_text: "첫 방을 열고 링크를 나눠 보세요.",
    people_count: |count| format!("{}명", number(count as usize, "ko")),
    empty_room_summary: "지금은 아무도 없어요",
    no_messages: "아직 대화가 없어요",
    just_now: "방금",
    seats_taken: |taken, seats| {
        format!("자리 {}개 중 {}개 참", number(seats.into(), "ko"), number(taken as usize, "ko"))
    },

    name: "이름",
    your_name: "내 이름",
    choose_name: "뭐라고 부를까요?",
    choose_name_text: "방에 있는 사람들에게 보이는 이름이에요. 언제든 바꿀 수 있어요.",
    enter_room: "들어가기",
    change_name: "이름 바꾸기",
    save: "저장",
    cancel: "취소",

    back_to_rooms: "방 목록으로",
    share: "초대하기",
    room_link: "링크",
    copy_link: "링크 복사하기",
    link_copied: "링크를 복사했어요",
    qr_code: "링크를 담은 QR 코드",
    share_natively: "다른 앱으로 보내기",
    switch_room: "다른 방으로 가기",
    create_room: |room| format!("“{room}” 방 열기"),
    shortcuts: "단축키",
    shortcut,
    notifications: "이 방의 알림",
    enable_notifications: "알림 켜기",
    notifications_denied: "브라우저가 이 페이지의 알림을 막고 있어요. 주소창 옆 사이트 설정에서 허용해 주세요.",
    notify_level,
    my_rooms: "내 방",
    draft: "쓰던 글",
    someone_typing: "쓰고 있어요…",
    people_typing: |names| match names {
        [one] => format!("{one} 님이 쓰고 있어요…"),
        [one, two] => format!("{one} 님과 {two} 님이 쓰고 있어요…"),
        _ => "여러 사람이 쓰고 있어요…".to_owned(),
    },
    away: "자리 비움",
    mark: "구별 표시",
    mark_hint: "이름이 같거나 비슷한 사람이 있어요. 이 표시는 늘 같아요.",
    role_owner: "방 주인",
    role_guest: "손님",
    role_program: "프로그램",
    room_details: "방 정보",
    leave_room: "방에서 나가기",
    confirm_leave_full_room: "자리가 다 찬 방이에요. 나가면 다른 사람이 앉을 수 있어요.",
    leave_anyway: "그래도 나가기",
    notify_free_seat: "자리가 나면 알려 주세요",
    client_outdated: "새 버전이 나왔어요. 쓰던 글은 그대로 남아요.",
    reload: "새로고침",
    unread_count: |count| format!("안 읽음 {count}개"),
    mention_count: |count| format!("나를 부른 메시지 {}개", number(count as usize, "ko")),
    people: "여기 있는 사람",
    kick: "내보내기",
    confirm_kick: "이 사람을 내보낼까요?",
    confirm_kick_text: "10분 동안 다시 들어올 수 없어요.",
    you: "나",
    close: "닫기",
    empty_room: "첫인사를 건네 보세요",
    empty_room_text: "링크를 나누면 다른 사람도 들어올 수 있어요.",
    timeline_label: |room| format!("{room} 대화"),
    loading_older: "지난 대화를 불러오고 있어요…",
    timeline_start: "여기서 대화가 시작됐어요",
    new_messages: |count| format!("새 메시지 {}개", number(count, "ko")),
    jump_to_end: "맨 아래로",
    jump_to_unread: "새 메시지부터 보기",
    unread_divider: "여기부터 새 메시지",
    honorific: " 님",
    joined_and_left: |came, left| match (came, left) {
        (came, "") => format!("{came}이 들어왔어요"),
        ("", left) => format!("{left}이 나갔어요"),
        (came, left) => format!("{came}이 들어오고 {left}이 나갔어요"),
    },
    topic_changed: |who, topic| match topic {
        "" => format!("{who} 님이 주제를 지웠어요"),
        topic => format!("{who} 님이 주제를 바꿨어요: {topic}"),
    },
    seat_limit_changed: |who, seats| format!("{who} 님이 자리를 {seats}개로 바꿨어요"),
    shared_network_changed: |who, shared| match shared {
        true => format!("{who} 님이 같은 네트워크에서 온 사람도 모든 자리에 앉을 수 있게 했어요"),
        false => format!("{who} 님이 같은 네트워크에서 새로 온 사람은 자리의 절반까지 앉을 수 있게 했어요"),
    },
    seat_limit_removed: |who| format!("{who} 님이 자리 제한을 없앴어요"),

    message_label: "메시지",
    message_placeholder: |room| format!("{room}에 메시지 보내기"),
    send: "보내기",
    characters_left: |left| {
        let count = number(left.unsigned_abs(), "ko");
        if left < 0 { format!("{count}자를 줄여 주세요") } else { format!("{count}자 남았어요") }
    },
    replying_to: |name| format!("{name} 님에게 답장"),
    editing: "메시지 고치기",
    edited_message_deleted: "고치던 메시지가 지워졌어요. 쓰던 글은 새 메시지로 보낼 수 있어요.",
    files_unsupported: "파일은 아직 보낼 수 없어요.",
    suggestions: "추천",
    suggestion_count: |count| format!("추천 {count}개"),
    sending: "보내는 중…",
    waiting: "기다리는 중",
    waiting_not_persisted: "기다리는 중이에요. 보낼 때까지 이 창을 닫지 말아 주세요.",
    send_failed: "보내지 못했어요.",
    unverified_sender: |from| format!("누구인지 확인되지 않음 · UDP {from}"),
    send_again: "다시 보내기",
    delete: "지우기",

    edited: "수정됨",
    deleted: "지운 메시지예요",
    unknown_quoted_message: "앞선 메시지",
    jump_to_quoted: "원래 메시지로",
    show_more: "더 보기",
    show_less: "접기",
    code: "코드",
    copy: "복사",
    copy_text: "내용 복사",
    copied: "복사했어요",
    copy_failed: "이 브라우저에서는 복사할 수 없어요",
    message_actions: "메시지로 할 수 있는 일",
    react: "이모지로 답하기",
    reply: "답장",
    edit: "고치기",
    confirm_delete: "이 메시지를 지울까요?",
    confirm_delete_text: "모두에게서 사라지고, 되돌릴 수 없어요.",
    edit_failed: "바꾸지 못했어요.",
    retry_edit: "다시 해 보기",
    and_others: |names, more| format!("{names} 외 {}명", number(more, "ko")),
    insert_emoji: "이모지 넣기",
    find_emoji: "이모지 찾기",
    no_emoji_found: "그런 이모지는 없어요",
    emoji_loading: "이모지를 가져오고 있어요…",
    recent_emoji: "최근",
    emoji_groups: [
        "얼굴과 마음",
        "사람",
        "동물과 자연",
        "음식",
        "여행과 장소",
        "활동",
        "물건",
        "기호",
        "깃발",
    ],

    restarting: "서버를 새로 여는 중이에요. 곧 다시 이어져요.",
    connecting: "연결하고 있어요…",
    offline: "연결이 끊겼어요. 쓴 메시지는 다시 연결되면 보낼게요.",

    room_full: "자리가 다 찼어요",
    room_full_text: |room| format!("{room}에는 지금 빈자리가 없어요."),
    waiting_for_seat: "빈자리가 나면 바로 들어가요.",
    seat_is_free: |room| format!("{room}에 빈자리가 났어요"),
    check_now: "지금 확인하기",
    join_refused: "들어갈 수 없어요",
    kicked: "방에서 내보내졌어요",
    room_deleted: "이 방은 삭제됐어요",
    make_room_again: "같은 이름으로 새로 만들기",
    not_found: "여기에는 아무것도 없어요",
    not_found_text: "링크가 잘렸거나 잘못 적혔을 수 있어요.",
    server_unreachable: "서버에 닿지 않아요. 잠시 뒤에 다시 해 주세요.",

    refusal,
    too_long: |most| format!("너무 길어요. {}자까지 쓸 수 있어요.", number(most, "ko")),
};

fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BadRequest | Refusal::UnknownCommand => {
            "이 페이지가 서버와 맞지 않아요. 새로고침한 뒤 다시 해 주세요."
        }
        Refusal::NameEmpty => "이름을 한 글자 이상 적어 주세요.",
        Refusal::NameTooLong => "너무 길어요. 줄여서 다시 적어 주세요.",
        Refusal::NameUnreadable => "보이지 않는 글자가 들어 있어요. 지우고 다시 적어 주세요.",
        Refusal::RoomNameNotALink => "방 이름에는 빗금(/, \\)을 쓸 수 없고, 점만 적을 수도 없어요.",
        Refusal::MessageEmpty => "메시지를 한 글자 이상 적어 주세요.",
        Refusal::MessageTooLong => "메시지가 너무 길어요. 4,000자까지 보낼 수 있어요.",
        Refusal::MessageUnreadable => "메시지에 보낼 수 없는 글자가 들어 있어요.",
        Refusal::CidInvalid | Refusal::CidTaken => {
            "메시지 번호가 다른 메시지와 겹쳤어요. 지우고 다시 적어 주세요."
        }
        Refusal::EmojiInvalid => "반응은 이모지 하나로 남길 수 있어요.",
        Refusal::SeatsInvalid => "자리는 1개에서 1,000개까지 둘 수 있어요.",
        Refusal::RoomFull => "이 방은 자리가 다 찼어요.",
        Refusal::TooManyNewcomers => {
            "같은 네트워크에서 새로 온 사람들이 벌써 자리의 절반에 앉아 있어요. 방 주인이 방 정보에서 더 들어오게 할 수 있어요."
        }
        Refusal::OwnersName => "방 주인의 이름과 같거나 비슷해요. 다른 이름을 골라 주세요.",
        Refusal::NotInRoom => "먼저 방에 들어가 주세요.",
        Refusal::Banned => "방 주인이 내보냈어요. 10분이 지나면 다시 들어갈 수 있어요.",
        Refusal::NetworkBanned => {
            "방 주인이 같은 네트워크에 있는 사람을 내보냈어요. 새로 온 사람은 10분 뒤에 들어올 수 있어요."
        }
        Refusal::RoomDeleted => "남긴 말도 모두 지워졌어요.",
        Refusal::NoSuchRoom => "그런 방이 없어요.",
        Refusal::NoSuchMessage => "그 메시지는 이제 없어요.",
        Refusal::NotYours => "다른 사람의 것이라 바꿀 수 없어요.",
        Refusal::TooManyReactions => "이 메시지에는 반응을 더 남길 수 없어요.",
        Refusal::NoMoreRooms => "이 서버에는 방을 더 만들 수 없어요.",
        Refusal::TooManyRooms => "한꺼번에 너무 많은 방에 들어가 있어요. 다른 방에서 나온 뒤 다시 해 주세요.",
        Refusal::TooFast => "너무 빨라요. 잠시 뒤에 다시 해 주세요.",
        Refusal::UnknownToken => "서버가 이 브라우저를 알아보지 못해요. 새로고침해 주세요.",
        Refusal::ForeignOrigin => {
            "이 주소로는 쓸 수 없게 되어 있어요. 서버를 --public-url로 시작해 달라고 해 주세요."
        }
        Refusal::Unavailable => "서버가 지금 바빠요. 잠시 뒤에 다시 해 주세요.",
        Refusal::NotStored => "서버의 저장 공간이 가득 찼어요. 메시지는 여기 두었다가 다시 보낼게요.",
        Refusal::Internal => "서버에 문제가 생겼어요. 잠시 뒤에 다시 해 주세요.",
    }
}

fn setting(setting: Setting) -> &'static str {
    match setting {
        Setting::Theme => "화면 밝기",
        Setting::TextSize => "글자 크기",
        Setting::Motion => "움직임",
        Setting::EnterKey => "Enter 키",
        Setting::Sound => "소리",
        Setting::Notifications => "알림",
    }
}

fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::System => "시스템과 같게",
        Choice::Light => "밝게",
        Choice::Dark => "어둡게",
        Choice::Medium => "보통",
        Choice::Small => "작게",
        Choice::Large => "크게",
        Choice::Largest => "아주 크게",
        Choice::Reduced => "줄이기",
        Choice::Automatic => "기기에 맞게",
        Choice::Send => "보내기",
        Choice::NewLine => "줄 바꾸기",
        Choice::Off => "끄기",
        Choice::On => "켜기",
    }
}

fn shortcut(shortcut: Shortcut) -> &'static str {
    match shortcut {
        Shortcut::Send => "보내기",
        Shortcut::NewLine => "줄 바꾸기",
        Shortcut::SendAlways => "Enter 키 설정과 상관없이 보내기",
        Shortcut::EditLast => "내 마지막 메시지 고치기",
        Shortcut::Escape => "닫거나 취소하기",
        Shortcut::Complete => "이름이나 이모지 채우기",
        Shortcut::Bold => "굵게",
        Shortcut::Italic => "기울임",
        Shortcut::Strike => "취소선",
        Shortcut::Code => "코드",
        Shortcut::SelectMessage => "대화에서 메시지를 골라 할 일 열기",
        Shortcut::Reply => "고른 메시지에 답장하기",
        Shortcut::FirstUnread => "안 읽은 첫 메시지로 가기",
        Shortcut::SwitchRoom => "다른 방으로 가기",
        Shortcut::AdjacentRoom => "위아래 방으로 가기",
        Shortcut::AdjacentUnreadRoom => "안 읽은 방으로 가기",
        Shortcut::Help => "단축키 보기",
    }
}

fn notify_level(level: NotifyLevel) -> &'static str {
    match level {
        NotifyLevel::Everything => "모든 메시지",
        NotifyLevel::Mentions => "나를 부를 때만",
        NotifyLevel::Nothing => "받지 않기",
    }
}
