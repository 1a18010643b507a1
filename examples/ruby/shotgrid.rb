# frozen_string_literal: true

# libshotgrid for Ruby, by Fiddle: one file to put beside your tool, nothing to build.
#
#     require_relative "shotgrid"
#
#     site = Shotgrid::Client.script("https://studio.shotgrid.autodesk.com", "my_tool", "its key")
#     site.find("Shot", [["project", "is", {type: "Project", id: 70}]], ["code"]).each { |shot| puts shot["code"] }
#
# Methods and their arguments are those of the official Python client, by position and by name. What fails raises a
# Shotgrid::Error; what a permission role forbids a Shotgrid::PermissionRefused, which says what was refused and by which role.
# With a Shotgrid::Queue nothing waits: queue.submit(site, "find", "Shot", []) { |answer, error| … }; then queue.dispatch, now
# and then or where a loop finds queue.io readable.
#
# The environment variable SHOTGRID_LIBRARY may name the shared library.
require "fiddle/import"
require "json"

module Shotgrid
  # The functions of shotgrid.h.
  module C
    extend Fiddle::Importer
    usual = { /darwin/ => "libshotgrid.0.dylib", /mswin|mingw/ => "shotgrid.dll" }.find { |system, _| system =~ RUBY_PLATFORM }
    dlload ENV["SHOTGRID_LIBRARY"] || (usual ? usual[1] : "libshotgrid.so.0")

    extern "const char *sg_status_name(int)"
    extern "const char *sg_methods_json()"
    extern "void *sg_options_new()"
    extern "void sg_options_free(void *)"
    extern "int sg_options_set_timeout_ms(void *, unsigned int)"
    extern "int sg_options_set_sudo_as_login(void *, const char *)"
    extern "int sg_options_set_ca_file(void *, const char *)"
    extern "int sg_options_set_proxy(void *, const char *)"
    extern "int sg_connect_user(const char *, const char *, const char *, void *, void *)"
    extern "int sg_connect_script(const char *, const char *, const char *, void *, void *)"
    extern "int sg_connect_session(const char *, const char *, void *, void *)"
    extern "void sg_client_free(void *)"
    extern "int sg_call(void *, const char *, const char *, void *)"
    extern "int sg_submit(void *, const char *, const char *, void *, void *)"
    extern "void *sg_result_json(void *, void *)"
    extern "void sg_result_free(void *)"
    extern "int sg_op_cancel(void *)"
    extern "int sg_op_take_result(void *, void *)"
    extern "void *sg_op_error(void *)"
    extern "void sg_op_free(void *)"
    extern "int sg_queue_new(void *)"
    extern "int sg_queue_fd(void *)"
    extern "int sg_queue_dispatch(void *, unsigned int, long long, void *)"
    extern "int sg_queue_on_done(void *, void *, void *, void *, void *)"
    extern "void sg_queue_free(void *)"
    extern "void *sg_error_take_last()"
    extern "void sg_error_free(void *)"
    extern "int sg_error_status(void *)"
    extern "const char *sg_error_message(void *)"
    extern "const char *sg_error_server_message(void *)"
    extern "const char *sg_error_operation(void *)"
    extern "const char *sg_error_entity_type(void *)"
    extern "long long sg_error_entity_id(void *)"
    extern "const char *sg_error_field(void *)"
    extern "const char *sg_error_role(void *)"
    extern "long long sg_error_rule_id(void *)"
    extern "const char *sg_error_rule_text(void *)"
    extern "int sg_error_is_retryable(void *)"
    extern "int sg_error_may_have_applied(void *)"
    extern "int sg_runtime_shutdown(unsigned int)"

    def self.free(type)
      self["sg_#{type}_free"]
    end

    def self.text(pointer)
      pointer.null? ? nil : pointer.to_s.force_encoding(Encoding::UTF_8)
    end
  end

  METHODS = JSON.parse(C.text(C.sg_methods_json)).freeze

  # A call that failed.
  class Error < StandardError
    TEXTS = %i[server_message operation entity_type field role rule_text].freeze
    NUMBERS = %i[status entity_id rule_id].freeze
    attr_reader :name, *TEXTS, *NUMBERS

    def initialize(record)
      super(C.text(C.sg_error_message(record)))
      TEXTS.each { |part| instance_variable_set(:"@#{part}", C.text(C.send("sg_error_#{part}", record))) }
      NUMBERS.each { |part| instance_variable_set(:"@#{part}", C.send("sg_error_#{part}", record)) }
      @name = C.text(C.sg_status_name(status))
      @retryable = C.sg_error_is_retryable(record) == 1
      @may_have_applied = C.sg_error_may_have_applied(record) == 1
    end

    # Whether the same call may do better later.
    def retryable?
      @retryable
    end

    # Whether the site may have carried out the write all the same.
    def may_have_applied?
      @may_have_applied
    end

    # The error of a record, as the class that its status belongs to.
    def self.of(record)
      kinds = { 32 => AuthError, 33 => PermissionRefused }
      kinds.fetch(C.sg_error_status(record) & 0xff, Error).new(record)
    end
  end

  # Who are you: the site does not accept the credentials.
  class AuthError < Error; end

  # You may not.
  class PermissionRefused < Error; end

  module_function

  # Ends the library's threads, for hosts that unload Ruby.
  def shutdown(timeout_ms = 5000)
    check(C.sg_runtime_shutdown(timeout_ms))
  end

  # Raises how a call failed.
  def check(status)
    return if status.zero?

    record = C.sg_error_take_last
    begin
      raise Error.of(record)
    ensure
      C.sg_error_free(record)
    end
  end

  # Calls a function that gives an object of this type. The collector frees it, in any order with others.
  def made(type)
    out = Fiddle::Pointer.malloc(Fiddle::SIZEOF_VOIDP, Fiddle::RUBY_FREE)
    check(yield(out))
    pointer = out.ptr
    pointer.free = C.free(type)
    pointer
  end

  # The Ruby value of a result.
  def value(result)
    length = Fiddle::Pointer.malloc(Fiddle::SIZEOF_SIZE_T, Fiddle::RUBY_FREE)
    text = C.sg_result_json(result, length)
    bytes = length[0, Fiddle::SIZEOF_SIZE_T].unpack1("J")
    JSON.parse("[#{text[0, bytes].force_encoding(Encoding::UTF_8)}]").first
  end

  # What goes to the site: arguments by position, by name, or both.
  def parameters(method, positional, named)
    return JSON.generate(named) if positional.empty?
    return JSON.generate(positional) if named.empty?

    names = METHODS.fetch(method.to_s, { "parameters" => [] })["parameters"].map { |parameter| parameter["name"].to_sym }
    raise ArgumentError, "#{method} takes (#{names.join(', ')})" if positional.size > names.size

    JSON.generate(names.zip(positional).first(positional.size).to_h.merge(named))
  end

  # A signed-in connection to a site.
  class Client
    # Settings: timeout_ms, sudo_as_login, ca_file, proxy.
    def self.user(site_url, login, password, **settings)
      new(settings) { |options, out| C.sg_connect_user(site_url, login, password, options, out) }
    end

    def self.script(site_url, script_name, api_key, **settings)
      new(settings) { |options, out| C.sg_connect_script(site_url, script_name, api_key, options, out) }
    end

    def self.session(site_url, session_token, **settings)
      new(settings) { |options, out| C.sg_connect_session(site_url, session_token, options, out) }
    end

    attr_reader :pointer

    def initialize(settings)
      options = C.sg_options_new
      options.free = C.free(:options)
      settings.each { |name, value| Shotgrid.check(C.send("sg_options_set_#{name}", options, value)) }
      @pointer = Shotgrid.made(:client) { |out| yield options, out }
    end

    # Calls a method by its name.
    def call(method, *positional, **named)
      json = Shotgrid.parameters(method, positional, named)
      Shotgrid.value(Shotgrid.made(:result) { |out| C.sg_call(@pointer, method.to_s, json, out) })
    end

    METHODS.each_key do |method|
      define_method(method) { |*positional, **named| call(method, *positional, **named) }
    end
  end

  # Where calls that nobody waits for report that they are done: on the thread that dispatches.
  class Queue
    def initialize
      @waiting = {}
      @pointer = Shotgrid.made(:queue) { |out| C.sg_queue_new(out) }
      waiting = @waiting
      @done = Fiddle::Closure::BlockCaller.new(Fiddle::TYPE_VOID, [Fiddle::TYPE_VOIDP, Fiddle::TYPE_VOIDP]) do |_, key|
        Queue.tell(*waiting.delete(key.to_i))
      end
    end

    # For IO.select and event loops: readable while something is due.
    def io
      @io ||= IO.for_fd(C.sg_queue_fd(@pointer), autoclose: false)
    end

    # Begins a call. The block is given its answer or its error, in dispatch. Gives a function that cancels it.
    def submit(client, method, *positional, **named, &block)
      json = Shotgrid.parameters(method, positional, named)
      op = Shotgrid.made(:op) { |out| C.sg_submit(client.pointer, method.to_s, json, nil, out) }
      @waiting[op.to_i] = [op, block]
      Shotgrid.check(C.sg_queue_on_done(@pointer, op, @done, Fiddle::Pointer.new(op.to_i), nil))
      -> { Shotgrid.check(C.sg_op_cancel(op)) }
    end

    # Runs what is due, waiting for it at most so long.
    def dispatch(timeout_ms = 0)
      Shotgrid.check(C.sg_queue_dispatch(@pointer, 0, timeout_ms, nil))
    end

    def self.tell(operation, block)
      failure = C.sg_op_error(operation)
      return block.call(nil, Error.of(failure)) unless failure.null?

      block.call(Shotgrid.value(Shotgrid.made(:result) { |out| C.sg_op_take_result(operation, out) }), nil)
    end
  end
end
