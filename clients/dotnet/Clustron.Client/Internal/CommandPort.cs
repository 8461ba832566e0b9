using StackExchange.Redis;

namespace Clustron.Internal;

/// <summary>The way to the server: one multiplexer, or a fake of the tests. Thread-safe.</summary>
internal interface ICommandPort
{
    int Database { get; }

    /// <summary>Sends at once. The flags say which node is preferred; every node takes every command.</summary>
    Task<RedisResult> ExecuteAsync(Command command, CommandFlags flags);

    /// <summary>Messages of a channel, one after the other. Done once the server has confirmed it; renewed after reconnects.</summary>
    Task<IAsyncDisposable> SubscribeAsync(RedisValue channel, Action<RedisValue> onMessage);
}

internal sealed class MultiplexerPort(IConnectionMultiplexer multiplexer, int database) : ICommandPort
{
    private readonly IDatabase _database = multiplexer.GetDatabase(database);
    private readonly ISubscriber _subscriber = multiplexer.GetSubscriber();

    public int Database => _database.Database;

    public Task<RedisResult> ExecuteAsync(Command command, CommandFlags flags) =>
        _database.ExecuteAsync(command.Name, command.ArgumentArray, flags);

    public async Task<IAsyncDisposable> SubscribeAsync(RedisValue channel, Action<RedisValue> onMessage)
    {
        var queue = await _subscriber.SubscribeAsync(new RedisChannel((byte[])channel!, RedisChannel.PatternMode.Literal)).ConfigureAwait(false);
        queue.OnMessage(message => onMessage(message.Message));
        return new Subscription(queue);
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
