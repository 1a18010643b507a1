// Sites of a test's own, each on a port of this machine: one that never answers, and one that answers everything with one text.
#ifndef PEER_HPP
#define PEER_HPP

#include "check.hpp"

#include <functional>
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

// Answers everything with one text, or each request with its own, on a thread of this process.
class peer : public silence {
 public:
  explicit peer(std::string body) : peer([body = std::move(body)](const std::string &) { return body; }) {}
  explicit peer(std::function<std::string(const std::string &request)> answer) : answer_(std::move(answer)) {
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
      for (ssize_t got = 1; got > 0 && !whole(request);) {
        got = recv(connection, buffer, sizeof buffer, 0);
        request.append(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
      }
      const std::string body = answer_(request);
      const std::string reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body;
      send(connection, reply.data(), reply.size(), MSG_NOSIGNAL);
      close(connection);
    }
  }

  static bool whole(const std::string &request) {
    const std::size_t end = request.find("\r\n\r\n");
    const std::size_t length = request.find("content-length: ");
    const std::size_t body = length < end ? std::stoul(request.substr(length + 16)) : 0;
    return end != std::string::npos && request.size() >= end + 4 + body;
  }

  std::function<std::string(const std::string &)> answer_;
  std::thread thread_;
};

#endif
