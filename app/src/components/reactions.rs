//! The emoji under a message: how many people, who they are, and whether we are one of them.

use common::{event::Reaction, person::PersonId};
use leptos::prelude::*;

use super::icon::Icon;
use crate::{
    chat::{Chat, Identity},
    i18n::Words,
    view::each,
};

pub(crate) fn reactions(reactions: &[Reaction], chat: Chat, words: &'static Words) -> impl IntoView + use<> {
    let me = chat.identity.with_untracked(|identity| match identity {
        Identity::Known(me) => Some(me.id),
        Identity::Unknown | Identity::Nobody => None,
    });
    let chips = each(reactions.iter().map(|reaction| chip(reaction, me, words)));
    view! {
        <div class="reactions">
            {chips}
            <button class="chip add" data-act="react" aria-label=words.react title=words.react>
                <Icon name="react"/>
            </button>
        </div>
    }
}

/// Who reacted is shown by the style sheet while the chip is pointed at or has the focus.
fn chip(reaction: &Reaction, me: Option<PersonId>, words: &'static Words) -> impl IntoView + use<> {
    let emoji = reaction.emoji.to_string();
    let own = reaction.people.iter().any(|person| Some(person.id) == me);
    let who = who(reaction, me, words);
    let label = format!("{emoji} {} {who}", reaction.count);
    let picture = emoji.clone();
    view! {
        <button
            class="chip"
            data-act="toggle"
            data-emoji=emoji
            data-who=who
            aria-pressed=if own { "true" } else { "false" }
            aria-label=label
        >
            <span>{picture}</span> " "
            <span class="count">{reaction.count.to_string()}</span>
        </button>
    }
}

fn who(reaction: &Reaction, me: Option<PersonId>, words: &'static Words) -> String {
    let name = |id: PersonId, name: &str| if Some(id) == me { words.you.to_owned() } else { name.to_owned() };
    let names: Vec<String> =
        reaction.people.iter().map(|person| name(person.id, person.name.as_str())).collect();
    let more = (reaction.count as usize).saturating_sub(names.len());
    let names = names.join(", ");
    if more > 0 { (words.and_more)(&names, more) } else { names }
}
