// Sites of a test's own, each on a port of this machine: one that never answers, and one that answers everything with one text.
#ifndef PEER_HPP
#define PEER_HPP

#include "check.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

// Takes connections, and never answers.
class silence {
 public:
  silence() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto *any = static_cast<sockaddr *>(static_cast<void *>(&address));
    REQUIRE(CHECK(bind(listener_, any, size) == 0 && listen(listener_, 16) == 0 && getsockname(listener_, any, &size) == 0));
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  silence(const silence &) = delete;
  silence &operator=(const silence &) = delete;
  ~silence() { close(listener_); }

  const std::string &url() const { return url_; }
  sg::client client() const {
    auto made = sg::client::connect_script(url_, "script", "key", sg::options().verify_on_connect(false));
    REQUIRE(OK(made));
    return *std::move(made);
  }

 protected:
  int listener_;

 private:
  std::string url_;
};

// Answers everything with one text, on a thread of this process.
class peer : public silence {
 public:
  explicit peer(std::string body) : body_(std::move(body)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~peer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
  }

 private:
  void serve() {
    for (int connection = accept(listener_, nullptr, nullptr); connection >= 0; connection = accept(listener_, nullptr, nullptr)) {
      std::string request;
      char buffer[4096];
      // Every request of the tests fits a few packets, and ends with the brace of its JSON.
      for (ssize_t got = 1; got > 0 && (request.find("\r\n\r\n") == std::string::npos || request.back() != '}');) {
        got = recv(connection, buffer, sizeof buffer, 0);
        request.append(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
      }
      const std::string reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
                                std::to_string(body_.size()) + "\r\n\r\n" + body_;
      send(connection, reply.data(), reply.size(), MSG_NOSIGNAL);
      close(connection);
    }
  }

  std::string body_;
  std::thread thread_;
};

#endif
