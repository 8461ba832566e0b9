using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>A server of the tests: answers as it is told, and remembers what it was sent.</summary>
internal sealed class FakePort : ICommandPort
{
    private readonly object _lock = new();
    private readonly List<string> _sent = [];
    private readonly List<(string Channel, Action<RedisValue> Handler)> _subscribers = [];

    public int Database => 0;

    /// <summary>The answer to a command, by its words. Throws what the server would; never completes for silence.</summary>
    public Func<string, Task<RedisResult>> Answer { get; set; } = _ => Silence;

    public static Task<RedisResult> Silence => new TaskCompletionSource<RedisResult>().Task;

    public List<int> Nodes { get; } = [];

    public int Node { get; private set; }

    public void Leave(int node)
    {
        if (Node == node) ++Node;
    }

    public IReadOnlyList<string> Sent
    {
        get
        {
            lock (_lock) return [.. _sent];
        }
    }

    public int Count(string start) => Sent.Count(s => s.StartsWith(start, StringComparison.Ordinal));

    public int Subscriptions
    {
        get
        {
            lock (_lock) return _subscribers.Count;
        }
    }

    public static Task<RedisResult> Reply(params object?[] elements) => Task.FromResult(Array(elements));
    public static Task<RedisResult> One(RedisValue value) => Task.FromResult(RedisResult.Create(value));
    public static Task<RedisResult> Nil => Task.FromResult(RedisResult.Create(RedisValue.Null));
    public static Task<RedisResult> Error(string text) => Task.FromException<RedisResult>(new RedisServerException(text));

    public static RedisResult Array(params object?[] elements) => RedisResult.Create([.. elements.Select(ToResult)]);

    public Task<RedisResult> ExecuteAsync(Command command, int node)
    {
        string words = string.Join(' ', command.Arguments.Select(a => a.ToString()).Prepend(command.Name));
        lock (_lock)
        {
            _sent.Add(words);
            Nodes.Add(node);
        }
        return Answer(words);
    }

    /// <summary>How many subscriptions fail, as the connection breaks.</summary>
    public int BrokenSubscriptions { get; set; }

    public Task<IAsyncDisposable> SubscribeAsync(RedisValue channel, Action<RedisValue> onMessage)
    {
        if (BrokenSubscriptions-- > 0)
            return Task.FromException<IAsyncDisposable>(new RedisConnectionException(ConnectionFailureType.SocketClosed, "the connection broke", null, CommandStatus.Sent));
        var entry = ((string)channel!, onMessage);
        lock (_lock) _subscribers.Add(entry);
        return Task.FromResult<IAsyncDisposable>(new Subscription(() =>
        {
            lock (_lock) _subscribers.Remove(entry);
        }));
    }

    public async Task PublishAsync(string channel, RedisValue message)
    {
        List<Action<RedisValue>> handlers;
        lock (_lock) handlers = [.. _subscribers.Where(s => s.Channel == channel).Select(s => s.Handler)];
        foreach (var handler in handlers) handler(message);
        await FakeClock.Settle();
    }

    private static RedisResult ToResult(object? element) => element switch
    {
        null => RedisResult.Create(RedisValue.Null),
        RedisResult result => result,
        object?[] inner => Array(inner),
        int n => RedisResult.Create(n),
        long n => RedisResult.Create(n),
        string s => RedisResult.Create((RedisValue)s),
        byte[] b => RedisResult.Create((RedisValue)b),
        _ => throw new ArgumentException(element.GetType().Name),
    };

    private sealed class Subscription(Action end) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            end();
            return ValueTask.CompletedTask;
        }
    }
}
