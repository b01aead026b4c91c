// The common shortcodes; one that is not here stays as it was typed, as in Slack.

const TABLE = `
white_check_mark ✅ heavy_check_mark ✔️ ballot_box_with_check ☑️ x ❌ warning ⚠️ no_entry ⛔ no_entry_sign 🚫 octagonal_sign 🛑
rotating_light 🚨 fire 🔥 boom 💥 zap ⚡ bug 🐛 lock 🔒 unlock 🔓 key 🔑 shield 🛡️ bell 🔔 no_bell 🔕 mega 📣 loudspeaker 📢
hourglass ⌛ hourglass_flowing_sand ⏳ stopwatch ⏱️ alarm_clock ⏰ clock1 🕐 clock3 🕒 watch ⌚ calendar 📅 date 📅
red_circle 🔴 large_orange_circle 🟠 large_yellow_circle 🟡 large_green_circle 🟢 large_blue_circle 🔵 large_purple_circle 🟣 white_circle ⚪ black_circle ⚫
red_square 🟥 large_green_square 🟩 large_yellow_square 🟨 question ❓ grey_question ❔ exclamation ❗ information_source ℹ️
arrow_up ⬆️ arrow_down ⬇️ arrow_right ➡️ arrow_left ⬅️ arrows_counterclockwise 🔄 repeat 🔁 rewind ⏪ leftwards_arrow_with_hook ↩️ back 🔙
double_vertical_bar ⏸️ pause_button ⏸️ arrow_forward ▶️ black_square_for_stop ⏹️ heavy_plus_sign ➕ heavy_minus_sign ➖
memo 📝 clipboard 📋 book 📖 books 📚 page_facing_up 📄 file_folder 📁 package 📦 link 🔗 pushpin 📌 paperclip 📎 bookmark 🔖
mag 🔍 wrench 🔧 hammer 🔨 hammer_and_wrench 🛠️ gear ⚙️ toolbox 🧰 chart_with_upwards_trend 📈 chart_with_downwards_trend 📉 bar_chart 📊
rocket 🚀 construction 🚧 traffic_light 🚦 robot_face 🤖 computer 💻 satellite 🛰️ globe_with_meridians 🌐 cloud ☁️ snowflake ❄️ sunny ☀️
eyes 👀 wave 👋 thumbsup 👍 +1 👍 thumbsdown 👎 -1 👎 ok_hand 👌 clap 👏 raised_hands 🙌 pray 🙏 muscle 💪 point_right 👉 hand ✋
smile 😄 slightly_smiling_face 🙂 joy 😂 thinking_face 🤔 cry 😢 sob 😭 sweat_smile 😅 tada 🎉 sparkles ✨ star ⭐ heart ❤️ 100 💯 coffee ☕
ghost 👻 skull 💀 see_no_evil 🙈 bulb 💡 speech_balloon 💬 inbox_tray 📥 outbox_tray 📤 email 📧 envelope ✉️ wastebasket 🗑️ busts_in_silhouette 👥 bust_in_silhouette 👤
`;

const words = TABLE.trim().split(/\s+/);
export const EMOJI = new Map();
for (let i = 0; i < words.length; i += 2) EMOJI.set(words[i], words[i + 1]);
