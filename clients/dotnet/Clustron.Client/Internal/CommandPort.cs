using StackExchange.Redis;

namespace Clustron.Internal;

/// <summary>The way to the server: one multiplexer, or a fake of the tests. Thread-safe.</summary>
internal interface ICommandPort
{
    int Database { get; }

    /// <summary>The node that commands go to now. Every node takes every command; one that answers is as good as another.</summary>
    int Node { get; }

    /// <summary>Sends at once, to that node if it is connected.</summary>
    Task<RedisResult> ExecuteAsync(Command command, int node);

    /// <summary>That node does not answer, or can't: commands go to another one from now on, if they went there.</summary>
    void Leave(int node);

    /// <summary>Messages of a channel, one after the other. Done once the server has confirmed it; renewed after reconnects.</summary>
    Task<IAsyncDisposable> SubscribeAsync(RedisValue channel, Action<RedisValue> onMessage);
}

/// <summary>
/// One multiplexer. All commands go to one of its nodes as long as that answers: left to itself it takes turns, and a third of all commands
/// would wait for a node that says nothing.
/// </summary>
internal sealed class MultiplexerPort : ICommandPort
{
    private readonly IDatabase _database;
    private readonly ISubscriber _subscriber;
    private readonly IConnectionMultiplexer _multiplexer;
    private IServer[]? _servers;
    private int _node = Random.Shared.Next(1000);

    public MultiplexerPort(IConnectionMultiplexer multiplexer, int database)
    {
        _multiplexer = multiplexer;
        _database = multiplexer.GetDatabase(database);
        _subscriber = multiplexer.GetSubscriber();
        multiplexer.ConfigurationChanged += (_, _) => Volatile.Write(ref _servers, null);
    }

    public int Database => _database.Database;

    public int Node => Volatile.Read(ref _node);

    public Task<RedisResult> ExecuteAsync(Command command, int node) => Server(node) is { } server
        ? server.ExecuteAsync(_database.Database, command.Name, command.ArgumentArray)
        : _database.ExecuteAsync(command.Name, command.ArgumentArray); // The multiplexer waits for a connection.

    public void Leave(int node)
    {
        Volatile.Write(ref _servers, null);
        Interlocked.CompareExchange(ref _node, (node + 1) & int.MaxValue, node);
    }

    public async Task<IAsyncDisposable> SubscribeAsync(RedisValue channel, Action<RedisValue> onMessage)
    {
        var name = new RedisChannel((byte[])channel!, RedisChannel.PatternMode.Literal);
        // A queue whose subscription fails stays with the multiplexer and fills: first comes a handler, which can be taken back.
        Action<RedisChannel, RedisValue> holder = (_, _) => { };
        try
        {
            await _subscriber.SubscribeAsync(name, holder).ConfigureAwait(false);
            ChannelMessageQueue queue = await _subscriber.SubscribeAsync(name).ConfigureAwait(false);
            queue.OnMessage(message => onMessage(message.Message));
            return new Subscription(queue);
        }
        finally
        {
            _ = _subscriber.UnsubscribeAsync(name, holder, CommandFlags.FireAndForget);
        }
    }

    /// <summary>The node, or the next one that is connected.</summary>
    private IServer? Server(int node)
    {
        IServer[]? servers = Volatile.Read(ref _servers);
        if (servers is null) Volatile.Write(ref _servers, servers = _multiplexer.GetServers());
        for (int i = 0; i < servers.Length; ++i)
        {
            IServer server = servers[(int)(((long)node + i) % servers.Length)];
            if (server.IsConnected) return server;
        }
        return null;
    }

    private sealed class Subscription(ChannelMessageQueue queue) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            try { await queue.UnsubscribeAsync().ConfigureAwait(false); }
            catch (Exception error) when (Errors.Judge(error) != Outcome.Refused || error is ObjectDisposedException) { } // The connection is gone, and the subscription with it.
        }
    }
}
