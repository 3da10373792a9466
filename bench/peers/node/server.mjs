// Socket.IO's own server as its tutorial uses it: join a room, say something to everybody in it.
// The acknowledgements are the only addition; without them nobody could tell that joining is done.
import { Server } from "socket.io";

const io = new Server({ transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  let joined;
  socket.on("room", (room, done) => {
    joined = room;
    socket.join(room);
    done?.();
  });
  socket.on("chat message", (text, done) => {
    io.to(joined).emit("chat message", text);
    done?.();
  });
});

io.listen(0);
io.httpServer.once("listening", () => {
  console.log(`Node is open at http://127.0.0.1:${io.httpServer.address().port}`);
});
