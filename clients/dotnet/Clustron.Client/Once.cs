using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>Exactly-once execution of any command. Thread-safe.</summary>
public sealed class Once
{
    private readonly Executor _executor;

    internal Once(Executor executor) => _executor = executor;

    /// <summary>
    /// Runs a command under a request id and repeats it until its outcome is known. Whoever sends it again with the same id, this process
    /// or another one, gets the first run's reply (<c>DONE rev</c> for one above 64 KB), as long as the id says. It is repeated for half of that time at most.
    /// </summary>
    public Task<RedisResult> ExecuteAsync(Command command, RequestId request, CancellationToken cancellation = default) =>
        _executor.WriteAsync(command, request, cancellation);
}
